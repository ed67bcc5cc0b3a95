"""Where the cables of agents end, when the control plane stands on several machines."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "doors",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("machine", "name", "place")),
        sa.Column("seen_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("machine"),
    )
    op.create_table(
        "cables",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("host", "machine")),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("since", _moment(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("peer", "error")),
        sa.PrimaryKeyConstraint("host"),
    )
