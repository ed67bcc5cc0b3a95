"""The tables of hosts that joined. Part of the schema of `tables`."""

from sqlalchemy import Boolean, Column, Table, text

from runners.store.columns import Moment, Words
from runners.store.tables import metadata

joined_hosts = Table(
    "joined_hosts",
    metadata,
    Column("name", Words, primary_key=True),
    Column("engine", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("region", Words, nullable=False, server_default=""),
    Column("instance", Words, nullable=False, server_default=""),
    Column("labels", Words, nullable=False, server_default="{}"),
    Column("tls", Words, nullable=False, server_default=""),  # paths of ca, cert and key; empty: none
    Column("pool", Words, nullable=False, server_default=""),
    Column("provider", Words, nullable=False, server_default=""),
    Column("size", Words, nullable=False, server_default=""),
    Column("engine_version", Words, nullable=False, server_default=""),
    Column("protected", Boolean, nullable=False, server_default=text("false")),
    Column("joined_at", Moment, nullable=False),
)
