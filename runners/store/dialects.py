"""How each kind of connection is set up. The settings of both databases stand here and nowhere else."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import URL, Connection, Engine, Table, event

from runners.store.ready import driven

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Upsert: TypeAlias = "sqlite.Insert | postgresql.Insert"

SQLITE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # an answered webhook survives a power cut; group commit pays for it
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
)
SQLITE_BUSY = 0.25  # seconds SQLite itself waits for a lock; longer waits are ours, so that forks need not wait for them
AT_ONCE = "AT ONCE"  # a way to begin: IMMEDIATE, or not at all
POSTGRES = (
    "SET statement_timeout = '15s'",
    "SET lock_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '10s'",  # a frozen process must not hold its locks for ever
    "SET timezone = 'UTC'",
)


def connection_options(url: URL) -> dict[str, Any]:
    """Arguments of `create_engine`."""
    options: dict[str, Any] = {
        "pool_timeout": 20,
        "max_overflow": 28,
        "pool_size": 4,
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        return options | {"connect_args": {"isolation_level": None, "timeout": SQLITE_BUSY}}
    connect = {"connect_timeout": 5, "application_name": "shipway"}
    return options | {"connect_args": connect, "pool_pre_ping": True, "pool_recycle": 1800}


def prepare(engine: Engine) -> None:
    """Say to every new connection what we rely on, and how a transaction begins."""
    lite = engine.dialect.name == "sqlite"

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        try:
            for statement in SQLITE if lite else POSTGRES:
                cursor.execute(statement)
        finally:
            cursor.close()
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("shipway_mode", "DEFERRED")
        if lite and mode == AT_ONCE:
            _begin_at_once(connection)
        elif lite:
            connection.exec_driver_sql(f"BEGIN {mode}")
        elif mode == "DEFERRED":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _begin_at_once(connection: Connection) -> None:
    driven(connection, "PRAGMA busy_timeout=0")
    try:
        driven(connection, "BEGIN IMMEDIATE")
    finally:
        driven(connection, f"PRAGMA busy_timeout={SQLITE_BUSY * 1000:.0f}")


def upsert(name: str, table: Table) -> Upsert:
    """An INSERT in the words of one kind of database. Loaded by its name, as the engine itself is: nobody has both."""
    made: Upsert = import_module(f"sqlalchemy.dialects.{name}").insert(table)
    return made


def make_room(url: URL) -> None:
    """The folder and the file of a SQLite database, readable by nobody else."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
