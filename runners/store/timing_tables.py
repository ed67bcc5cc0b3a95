"""The tables of what people and the clock decide about when. Part of the schema of `tables`."""

from sqlalchemy import BigInteger, Column, Index, Table

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata

freezes = Table(
    "freezes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("service", Words, nullable=False),  # empty: all that have the environment
    Column("environment", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("why", Words, nullable=False, server_default=""),
    Column("by", Words, nullable=False, server_default=""),
    Column("lifted_at", Moment),
    Column("lifted_by", Words, nullable=False, server_default=""),
    Index("ix_freezes_until", "until"),
    sqlite_autoincrement=True,
)

schedules = Table(
    "schedules",
    metadata,
    Column("service", Words, primary_key=True),
    Column("environment", Words, primary_key=True),
    Column("schedule", Words, primary_key=True),
    Column("due", Moment, nullable=False),  # obeyed up to here
    Column("run", BigInteger),  # that it started then
)
