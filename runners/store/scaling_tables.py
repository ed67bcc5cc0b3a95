"""The tables of what scales by itself. Part of the schema of `tables`."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata

scaling_memories = Table(
    "scaling_memories",
    metadata,
    Column("group_name", Words, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("state", Words, nullable=False),  # JSON: all that the next look must know
)

scaling_decisions = Table(
    "scaling_decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_name", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("verdict", Words, nullable=False),
    Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("reason", Words, nullable=False, server_default=""),
    Column("deployment", BigInteger),
    Index("ix_scaling_decisions_group_name_id", "group_name", "id"),
    sqlite_autoincrement=True,
)
