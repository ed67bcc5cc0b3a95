"""Pools: how many machines are wanted, and the machines."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "pool_wants",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("machines", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.Column("by", sa.Text(), nullable=False, server_default=""),
        sa.Column("at", moment, nullable=False),
        sa.Column("forced", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("pool"),
    )
    op.create_table(
        "pool_machines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("wish", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("wished_at", moment, nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("release_at", moment),
        sa.Column("ready_at", moment),
        *(
            sa.Column(name, sa.Text(), nullable=False, server_default="")
            for name in ("instance", "address", "why", "error", "sealed")
        ),
        sa.Column("failed", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("wish"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pool_machines_pool", "pool_machines", ["pool", "state"])
