"""People who sign in: users, their sessions, one-time tickets, and failures that are counted. And the newest runs of an
environment, which pages show, found without reading all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _moment(name: str, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(
        name, sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite"), nullable=nullable
    )


def upgrade() -> None:
    op.create_index("ix_runs_environment", "runs", ["service", "environment", "id"])
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(20), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False, server_default=""),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("disabled", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        _moment("created_at"),
        _moment("seen_at", nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("origin", "subject"),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])
    op.create_table(
        "tickets",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default="{}"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _moment("at"),
        sa.PrimaryKeyConstraint("key"),
    )
