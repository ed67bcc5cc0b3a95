"""Where environments run, host by host, and what happened to hosts beyond the operator's file."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("placed", "moved"):
        op.add_column("environments", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "hosts",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("drained_at", moment),
        *(sa.Column(name, sa.Text(), nullable=False, server_default="") for name in ("drained_by", "reason")),
        *(sa.Column(name, moment) for name in ("silent_since", "returned_at")),
    )
