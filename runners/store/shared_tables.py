"""The tables of what several machines share: logs and files of runs, and the machines themselves. Part of the schema of
`tables`."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table

from runners.store.columns import Moment, Words
from runners.store.tables import metadata

log_pieces = Table(
    "log_pieces",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # byte of the run's whole log
    Column("size", Integer, nullable=False),  # of the text, packed or not
    Column("stage", Words, nullable=False),
    Column("packed", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
run_files = Table(
    "run_files",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("path", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("whole", Boolean, nullable=False),  # false while its pieces come
    Column("at", Moment, nullable=False),
)
run_file_pieces = Table(
    "run_file_pieces",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),  # zstd
)
machines = Table(
    "machines",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("own_redis", Boolean, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
