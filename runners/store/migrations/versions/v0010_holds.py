"""Runs that wait for a window or the end of a freeze before they deploy, and freezes that people set."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = [
        sa.Column(name, sa.Text(), nullable=False, server_default="") for name in ("held", "overridden_by")
    ]
    for column in words:
        op.add_column("runs", column)
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "freezes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.Column("by", sa.Text(), nullable=False, server_default=""),
        sa.Column("lifted_at", moment),
        sa.Column("lifted_by", sa.Text(), nullable=False, server_default=""),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_freezes_until", "freezes", ["until"])
