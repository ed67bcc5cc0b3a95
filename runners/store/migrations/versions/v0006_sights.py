"""What was last seen of each repository, and the ledger of deliveries: whose they were, what was replayed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("services", sa.Text(), nullable=False, server_default=""))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("deliveries", sa.Column("replay_of", number))
    op.create_table(
        "sights",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("address", "bound", "trouble")),
        sa.Column("trouble_since", sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")),
    )
    op.create_table(
        "heads",
        sa.Column("service", sa.Text(), primary_key=True),
        sa.Column("ref", sa.Text(), primary_key=True),
        *(_text(name) for name in ("commit_sha", "before")),
        sa.Column("swept", sa.BigInteger()),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")
