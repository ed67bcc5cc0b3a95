"""The tables of where the cables of agents end: the doors of the machines, and the newest cable of each host. Part of the
schema of `tables`."""

from sqlalchemy import Boolean, Column, Table

from runners.store.columns import Moment, Words
from runners.store.tables import metadata

doors = Table(
    "doors",
    metadata,
    Column("machine", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("place", Words, nullable=False),  # host:port for other machines; empty: it is not known there
    Column("seen_at", Moment, nullable=False),
)
cables = Table(
    "cables",
    metadata,
    Column("host", Words, primary_key=True),
    Column("machine", Words, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("since", Moment, nullable=False),
    Column("peer", Words, nullable=False),
    Column("error", Words, nullable=False),
)
