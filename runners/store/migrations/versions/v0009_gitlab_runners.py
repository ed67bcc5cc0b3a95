"""GitLab runners, their tokens sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = ("place", "url", "ca", "scope", "description", "system_id", "sealed", "trouble")
    op.create_table(
        "gitlab_runners",
        sa.Column("fleet", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Text(), nullable=False, server_default="") for name in words),
        sa.Column("scope_id", sa.BigInteger(), nullable=False),
        sa.Column("stop_timeout", sa.Float(), nullable=False),
        sa.Column("runner", sa.BigInteger(), nullable=False),
        sa.Column("drain_by", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")),
        sa.PrimaryKeyConstraint("fleet", "host", "slot"),
    )
