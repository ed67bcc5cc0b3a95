"""The tables of pools. Part of the schema of `tables`."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, text

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata

pool_wants = Table(
    "pool_wants",
    metadata,
    Column("pool", Words, primary_key=True),
    Column("machines", Integer, nullable=False),
    Column("why", Words, nullable=False, server_default=""),
    Column("by", Words, nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
    Column("forced", Boolean, nullable=False, server_default=text("false")),
)

pool_machines = Table(
    "pool_machines",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pool", Words, nullable=False),
    Column("wish", String(64), nullable=False, unique=True),
    Column("state", String(20), nullable=False),
    Column("wished_at", Moment, nullable=False),
    Column("since", Moment, nullable=False),
    Column("release_at", Moment),
    Column("ready_at", Moment),
    Column("instance", Words, nullable=False, server_default=""),
    Column("address", Words, nullable=False, server_default=""),
    Column("why", Words, nullable=False, server_default=""),
    Column("error", Words, nullable=False, server_default=""),
    Column("failed", Boolean, nullable=False, server_default=text("false")),
    Column("sealed", Words, nullable=False, server_default=""),  # the order, until the machine is known
    Index("ix_pool_machines_pool", "pool", "state"),
    sqlite_autoincrement=True,
)
