"""All rows as lines of JSON, and back: the same lines from SQLite and PostgreSQL, so that each is restored into either.

A table's first line names its columns and their kinds, then comes a line a row. `Sum` tells two tables apart whatever the
order of their rows. Rows are read in one look of the database, and loaded with triggers asleep: what they would write down
is in the rows already.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Boolean, Connection, LargeBinary, column, insert, inspect, select, table, text
from sqlalchemy.types import NullType, TypeEngine

from pipeline.errors import Rejected
from runners.store.columns import Moment
from runners.store.database import Database
from runners.store.migrate import configuration
from runners.store.tables import metadata

T = TypeVar("T")
AT_ONCE = 500  # rows
KINDS: dict[str, TypeEngine[Any]] = {
    "moment": Moment(),
    "bytes": LargeBinary(),
    "bool": Boolean(),
    "plain": NullType(),
}
Table = tuple[str, Iterator[bytes]]


class Sum:
    """Of the lines of a table: how many, and a sum of their digests."""

    def __init__(self) -> None:
        self.rows = -1  # the first line is no row
        self._total = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self._total += int.from_bytes(hashlib.sha256(line).digest())

    def told(self) -> list[int | str]:
        return [max(0, self.rows), f"{self._total % (1 << 256):064x}"]


class Snapshot:
    """One consistent look at all rows, for as long as its transaction lasts."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    @property
    def revision(self) -> str:
        return str(self._tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one())

    def tables(self) -> Iterator[Table]:
        """Those that others refer to come first."""
        for one in metadata.sorted_tables:
            yield one.name, self._lines(one)

    def _lines(self, one: Any) -> Iterator[bytes]:
        kinds = [_kind(col.type) for col in one.columns]
        head = {
            "columns": [[col.name, kind] for col, kind in zip(one.columns, kinds, strict=True)],
            "counter": _counter(self._tx, one.name) if "id" in one.columns else None,
        }
        yield _line(head)
        order = one.primary_key.columns.values()
        query = select(one).order_by(*order).execution_options(yield_per=AT_ONCE)
        for row in self._tx.execute(query):
            yield _line([_plain(value) for value in row])


def dump(database: Database, work: Callable[[Snapshot], T]) -> T:
    """`work` is begun anew when the database was busy, so it must begin by forgetting what it did."""
    return database.read(lambda tx: work(Snapshot(tx)))


def load(
    database: Database, revision: str, tables: Callable[[], Iterator[Table]]
) -> dict[str, list[int | str]]:
    """Into an empty database, with the schema of `revision`; the sums of what was loaded. All or nothing."""

    def work(tx: Connection) -> dict[str, list[int | str]]:
        _refuse_rows(tx, database)
        _to_revision(tx, revision)
        with _triggers_asleep(tx):
            return {name: _load(tx, name, lines) for name, lines in tables()}

    return database.write(work, patience=60.0)


def has_rows(tx: Connection) -> bool:
    """Whether anybody has worked with this database."""
    known = inspect(tx)
    return known.has_table("installation") and bool(
        tx.execute(text("SELECT count(*) FROM installation")).scalar()
        or tx.execute(text("SELECT count(*) FROM tokens")).scalar()
    )


def sums(snapshot: Snapshot, names: Sequence[str]) -> dict[str, list[int | str]]:
    """Of the tables as they are now."""
    found = {}
    for name, lines in snapshot.tables():
        if name in names:
            total = Sum()
            for line in lines:
                total.add(line)
            found[name] = total.told()
    return found


def _refuse_rows(tx: Connection, database: Database) -> None:
    if has_rows(tx):
        raise Rejected(
            f"The database {database.name} is in use: it has rows. Name an empty one in server.database; nothing was "
            "changed."
        )


def _to_revision(tx: Connection, revision: str) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(configuration(tx), revision)
    except CommandError as error:
        raise Rejected(
            f"This backup was made by a newer Shipway (schema {revision}: {error}). Install that version, then restore."
        ) from error


def _load(tx: Connection, name: str, lines: Iterator[bytes]) -> list[int | str]:
    total = Sum()
    first = next(lines)
    total.add(first)
    head = json.loads(first)
    named = [(str(col), str(kind)) for col, kind in head["columns"]]
    _refuse_unknown(tx, name, [col for col, _ in named])
    target = table(name, *(column(col, KINDS[kind]) for col, kind in named))
    tx.execute(target.delete())  # what the migrations themselves wrote
    while batch := list(islice(lines, AT_ONCE)):
        for line in batch:
            total.add(line)
        tx.execute(insert(target), [_row(named, json.loads(line)) for line in batch])
    if head["counter"] is not None:
        _set_counter(tx, name, int(head["counter"]))
    return total.told()


def _refuse_unknown(tx: Connection, name: str, columns: Iterable[str]) -> None:
    known = inspect(tx)
    there = {str(col["name"]) for col in known.get_columns(name)} if known.has_table(name) else set()
    strange = sorted(set(columns) - there)
    if strange:
        raise Rejected(f"The backup has {name}.{strange[0]}, which its own schema does not: it is damaged.")


# ------------------------------------------------------------------------------------------------ values


def _kind(kind: TypeEngine[Any]) -> str:
    found = (name for name in ("moment", "bytes", "bool") if isinstance(kind, type(KINDS[name])))
    return next(found, "plain")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else value


def _row(named: Sequence[tuple[str, str]], values: Sequence[Any]) -> dict[str, Any]:
    return {col: _typed(kind, value) for (col, kind), value in zip(named, values, strict=True)}


def _typed(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "moment":
        return datetime.fromisoformat(value)
    return base64.b64decode(value) if kind == "bytes" else value


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode() + b"\n"


# ------------------------------------------------------------------------------------------------ what is about rows


def _counter(tx: Connection, name: str) -> int | None:
    """The highest id that was ever given; None where ids are not given by the database."""
    if tx.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return tx.execute(query, {"name": name}).scalar_one_or_none()
    sequence = _sequence(tx, name)
    if sequence is None:
        return None
    last, called = tx.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 (its own word)
    return int(last) if called else 0


def _set_counter(tx: Connection, name: str, value: int) -> None:
    if tx.dialect.name != "sqlite":
        sequence = _sequence(tx, name)
        if sequence is not None and value:
            tx.execute(text("SELECT setval(:sequence, :value)"), {"sequence": sequence, "value": value})
        return
    tx.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
    row = {"name": name, "value": value}
    tx.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :value)"), row)


def _sequence(tx: Connection, name: str) -> str | None:
    query = text("SELECT pg_get_serial_sequence(:name, 'id')")
    return tx.execute(query, {"name": name}).scalar_one_or_none()


@contextmanager
def _triggers_asleep(tx: Connection) -> Iterator[None]:
    if tx.dialect.name == "sqlite":
        found = tx.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in found:
            tx.exec_driver_sql(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in found:
            tx.exec_driver_sql(sql)
        return
    query = text("SELECT DISTINCT event_object_table FROM information_schema.triggers")
    names = sorted(tx.execute(query).scalars())
    for name in names:
        tx.exec_driver_sql(f'ALTER TABLE "{name}" DISABLE TRIGGER USER')
    yield
    for name in names:
        tx.exec_driver_sql(f'ALTER TABLE "{name}" ENABLE TRIGGER USER')
