"""The counters that give numbers to rows: lifted, never lowered, so that no number comes twice after a restore."""

from sqlalchemy import Connection, func, select, text, update

from runners.store import tables
from runners.store.database import Database

NUMBERED = ("deliveries", "runs", "deployments")
LEAP = 1000  # ids that may have been given since a backup
RELEASES = 100  # releases, likewise


def leap(tx: Connection) -> None:
    """Past whatever was given between a backup and its restore."""
    for name in NUMBERED:
        _lift(tx, name, _highest(tx, name) + LEAP)
    tx.execute(update(tables.services).values(last_release=tables.services.c.last_release + RELEASES))


def at_least(tx: Connection, database: Database, service: str, release: int, deployment: int) -> None:
    """Nothing is given up to these any more."""
    if release:
        table = tables.services
        first = database.insert(table).values(name=service, last_release=release)
        behind = table.c.last_release < release
        lifted = first.on_conflict_do_update(
            index_elements=[table.c.name], set_={"last_release": release}, where=behind
        )
        tx.execute(lifted)
    if deployment > _highest(tx, "deployments"):
        _lift(tx, "deployments", deployment)


def _highest(tx: Connection, name: str) -> int:
    """That was ever given."""
    if tx.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(tx.execute(query, {"name": name}).scalar_one_or_none() or 0)
    there = tx.execute(select(func.max(tables.metadata.tables[name].c.id))).scalar() or 0
    sequence = tx.execute(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": name}).scalar_one()
    last, called = tx.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 (its own word)
    return max(int(there), int(last) if called else 0)


def _lift(tx: Connection, name: str, value: int) -> None:
    if tx.dialect.name != "sqlite":
        query = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :value)")
        tx.execute(query, {"name": name, "value": value})
        return
    tx.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
    row = {"name": name, "value": value}
    tx.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :value)"), row)
