"""The tables of backups and of what follows a restore. Part of the schema of `tables`."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata

backups = Table(
    "backups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("name", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("error", Words, nullable=False, server_default=""),  # empty: it came about
    Index("ix_backups_at", "at"),
    sqlite_autoincrement=True,
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("service", Words, primary_key=True),
    Column("environment", Words, primary_key=True),
    Column("taken_at", Moment, nullable=False),  # so old are the books that were restored
    Column("restored_at", Moment, nullable=False),
    Column("closed_at", Moment),  # from here on they say what runs
    Column("outcome", String(20), nullable=False, server_default=""),
    Column("said", Words, nullable=False, server_default=""),
)
