"""Up to which moment the schedules of environments were obeyed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("service", "environment", "schedule")),
        sa.Column("due", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=False),
        sa.Column("run", sa.BigInteger()),
        sa.PrimaryKeyConstraint("service", "environment", "schedule"),
    )
