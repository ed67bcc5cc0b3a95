"""What scales by itself: what each group remembers, and its decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def _at() -> sa.Column[object]:
    kind = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    return sa.Column("at", kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "scaling_memories",
        sa.Column("group_name", sa.Text(), nullable=False),
        _at(),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_name"),
    )
    op.create_table(
        "scaling_decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        _at(),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("deployment", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scaling_decisions_group_name_id", "scaling_decisions", ["group_name", "id"])
