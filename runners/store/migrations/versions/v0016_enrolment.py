"""How hosts join: our authorities, invitations, certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
    op.create_table(
        "authorities",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("labels", sa.Text(), nullable=False, server_default="{}"),
        *_words("region", "name", "pool", "provider", "instance", "via", "by", "key", "host"),
        sa.Column("expires_at", moment, nullable=False),
    )
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])
    op.create_table(
        "host_certificates",
        sa.Column("serial", sa.Text(), primary_key=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment),
        *_words("revoked_by"),
    )
    op.create_index("ix_host_certificates_host", "host_certificates", ["host"])


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, server_default="") for name in names]
