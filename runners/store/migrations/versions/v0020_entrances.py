"""Regions of entrances, and what was changed at their providers."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def moment() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, server_default="") for name in names]


def upgrade() -> None:
    op.create_table(
        "entrance_regions",
        sa.Column("entrance", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.text("false"))
            for name in ("out", "parked")
        ),
        *(sa.Column(name, sa.Integer(), nullable=False, server_default="0") for name in ("bad", "good")),
        *words("why", "parked_by", "reason"),
        *(sa.Column(name, moment()) for name in ("seen_at", "changed_at", "parked_at")),
        sa.PrimaryKeyConstraint("entrance", "region"),
    )
    op.create_table(
        "entrance_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("entrance", "what", "by")),
        sa.Column("at", moment(), nullable=False),
        *words("regions", "token"),
        *(sa.Column(name, moment()) for name in ("written_at", "settled_at")),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entrance_changes_entrance", "entrance_changes", ["entrance", "id"])
