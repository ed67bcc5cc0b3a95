"""Runs of merge requests: of no environment, one at a time for each request."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RUNNING = "status = 'running'"


def upgrade() -> None:
    op.add_column("runs", sa.Column("merge_request", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("target", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("fork", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.drop_index("one_run_at_a_time", "runs")
    op.create_index(
        "one_run_at_a_time",
        "runs",
        ["service", "environment", "merge_request"],
        unique=True,
        sqlite_where=sa.text(RUNNING),
        postgresql_where=sa.text(RUNNING),
    )
