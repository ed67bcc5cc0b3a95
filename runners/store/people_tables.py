"""The tables of people who sign in, beside those of `tables.py`. See docs/schema.md."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, UniqueConstraint, text

from runners.store.columns import Moment, Words
from runners.store.tables import metadata

users = Table(
    "users",
    metadata,
    Column("name", Words, primary_key=True),
    Column("origin", String(20), nullable=False),
    Column("subject", Words, nullable=False),  # the provider's own id of them; of a local user the name
    Column("password", Words, nullable=False, server_default=""),  # Argon2id; empty: signs in elsewhere
    Column("role", String(20), nullable=False),
    Column("scopes", Words, nullable=False, server_default="[]"),  # JSON
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment),
    UniqueConstraint("origin", "subject"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_sessions_user", "user"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("note", Words, nullable=False, server_default="{}"),  # JSON
    Column("expires_at", Moment, nullable=False),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", String(64), primary_key=True),  # SHA-256 of what is counted
    Column("failures", Integer, nullable=False),
    Column("at", Moment, nullable=False),
)
