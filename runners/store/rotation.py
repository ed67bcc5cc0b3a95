"""A new sealing key: everything sealed is sealed anew, then the old key is forgotten. May be cut anywhere and begun again.

1. The new key becomes the first line of the key file. From this moment all processes seal with it and open with both.
   One that is in the middle of a write with the old one finds the file changed at its end, and does it again.
2. Row by row, a few at a time, what an older key sealed is sealed with the first one. Nobody is stopped meanwhile.
3. With no writer at work, a last look finds nothing older, and only the first key stays in the file.

A rotation that was cut leaves a file with several keys, with which everything opens; the next one goes on with the key
that it finds first.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, select, text, tuple_, update

from runners.store import tables
from runners.store.database import Database
from runners.store.enrolment_tables import authorities
from runners.store.gitlab_runner_table import gitlab_runners
from runners.store.seal import Seal

SEALED = re.compile(r"gAAAA[A-Za-z0-9_-]{70,}={0,2}")
STEP = 200  # rows a transaction: nobody waits long for the lock
PLACES: Mapping[Table, str] = {
    tables.secrets: "sealed",
    gitlab_runners: "sealed",
    authorities: "sealed",
    tables.releases: "record",
    tables.deployments: "record",
}


def rotate(database: Database, seal: Seal) -> int:
    """How many rows were sealed anew. Raises `Conflict` while another one is at it."""
    with seal.alone():
        seal.renew()
        done = sum(database.write(step) for step in _steps(seal))
        while fresh := database.write(lambda tx: _last(tx, database, seal)):
            done += fresh
        return done


def _steps(seal: Seal) -> Iterator[Callable[[Connection], int]]:
    """Of all tables, some rows a step; whoever asks for the next one has done the one before."""
    for table in PLACES:
        walk = _Walk(table, seal)
        while not walk.over:
            yield walk.step


class _Walk:
    """Through one table, in the order of its keys."""

    def __init__(self, table: Table, seal: Seal) -> None:
        self._table, self._seal = table, seal
        self._after: tuple[Any, ...] | None = None
        self.over = False

    def step(self, tx: Connection) -> int:
        """May run twice when the database was busy: a row that is done already is left as it is."""
        keys, column = list(self._table.primary_key.columns), self._table.c[PLACES[self._table]]
        query = select(*keys, column).where(column.like("%gAAAA%")).order_by(*keys).limit(STEP)
        if self._after is not None:
            query = query.where(tuple_(*keys) > tuple_(*self._after))
        rows = tx.execute(query.with_for_update()).all()
        done = sum(_anew(tx, self._table, keys, row, self._seal) for row in rows)
        self.over = len(rows) < STEP
        self._after = tuple(rows[-1][:-1]) if rows else self._after
        return done


def _anew(tx: Connection, table: Table, keys: list[Column[Any]], row: Any, seal: Seal) -> bool:
    sealed = SEALED.sub(lambda found: seal.anew(found[0]), row[-1])
    if sealed == row[-1]:
        return False
    same = [key == value for key, value in zip(keys, row[:-1], strict=True)]
    tx.execute(update(table).where(and_(*same)).values({PLACES[table]: sealed}))
    return True


def _last(tx: Connection, database: Database, seal: Seal) -> int:
    """The old key is forgotten only in a transaction that had nothing to write: were it lost, nothing would be. SQLite
    has one writer, and that is us."""
    if not database.is_sqlite:
        names = ", ".join(table.name for table in PLACES)
        tx.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    done = sum(step(tx) for step in _steps(seal))
    if not done:
        seal.forget()
    return done
