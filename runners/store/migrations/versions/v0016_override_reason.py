"""Why somebody let a held run deploy all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("override_reason", sa.Text(), nullable=False, server_default=""))
