"""Secrets that Shipway keeps, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = [sa.Column(name, sa.Text(), nullable=False) for name in ("name", "service", "environment")]
    op.create_table(
        "secrets",
        *words,
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("name", "service", "environment", "stage"),
    )
