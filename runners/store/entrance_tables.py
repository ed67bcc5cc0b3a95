"""The tables of entrances: what is known of their regions, and what was changed. Part of the schema of `tables`."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, text

from runners.store.columns import Id, Moment, Words
from runners.store.tables import metadata

entrance_regions = Table(
    "entrance_regions",
    metadata,
    Column("entrance", Words, primary_key=True),
    Column("region", Words, primary_key=True),
    Column("out", Boolean, nullable=False, server_default=text("false")),
    Column("bad", Integer, nullable=False, server_default="0"),
    Column("good", Integer, nullable=False, server_default="0"),
    Column("why", Words, nullable=False, server_default=""),
    Column("seen_at", Moment),
    Column("changed_at", Moment),
    Column("parked", Boolean, nullable=False, server_default=text("false")),
    Column("parked_by", Words, nullable=False, server_default=""),
    Column("parked_at", Moment),
    Column("reason", Words, nullable=False, server_default=""),
)

entrance_changes = Table(
    "entrance_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entrance", Words, nullable=False),
    Column("what", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("regions", Words, nullable=False, server_default=""),  # a blank between two; empty: all
    Column("token", Words, nullable=False, server_default=""),
    Column("written_at", Moment),
    Column("settled_at", Moment),
    Index("ix_entrance_changes_entrance", "entrance", "id"),
    sqlite_autoincrement=True,
)
