"""The logs of runs in a database that several machines share: pieces of bytes, in the order in which they came.

A piece lies at the byte of the run's whole log at which it begins, so an offset stays right for ever, whichever machine
wrote it. Writers of one run line up. What a stage wrote is packed into one piece when the stage ends. Masks nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import zstandard
from sqlalchemy import Connection, Row, delete, func, insert, select, text

from runners.store.database import Database
from runners.store.shared_tables import log_pieces

LEVEL = 3
COLUMNS = log_pieces.c


@dataclass(frozen=True)
class Kept:
    """What a run has in the database. `size`: bytes there."""

    run: int
    size: int
    at: datetime


class SqlRunLogs:
    """Pieces in, pieces out. One transaction a call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run: int, stage: str, data: bytes, limit: int, marker: bytes = b"") -> None:
        """At the end of the run's log, as far as the stage has room in `limit`. `marker` goes before it when the stage
        had written already."""

        def work(tx: Connection) -> None:
            self._alone(tx, run)
            spent = _spent(tx, run, stage)
            whole = (marker if spent else b"") + data
            kept = whole if len(whole) <= limit - spent else _cut(whole, max(0, limit - spent))
            if kept:
                row = {"run": run, "start": _end(tx, run), "size": len(kept), "stage": stage}
                tx.execute(insert(log_pieces).values(**row, packed=False, content=kept, at=self._now(tx)))

        self._database.write(work)

    def pack(self, run: int, stage: str) -> None:
        """The last pieces of the stage become one, packed."""

        def work(tx: Connection) -> None:
            self._alone(tx, run)
            query = select(log_pieces).where(COLUMNS.run == run, COLUMNS.stage == stage).with_for_update()
            loose = [row for row in tx.execute(query.order_by(COLUMNS.start)) if not row.packed]
            for rows in _beside(loose):
                tx.execute(delete(log_pieces).where(COLUMNS.run == run, _between(rows)))
                content = b"".join(row.content for row in rows)
                packed = zstandard.ZstdCompressor(level=LEVEL).compress(content)
                row = {"run": run, "start": rows[0].start, "size": len(content), "stage": stage}
                tx.execute(insert(log_pieces).values(**row, packed=True, content=packed, at=rows[-1].at))

        self._database.write(work)

    def read(self, run: int, offset: int, limit: int) -> bytes:
        wanted = COLUMNS.run == run, COLUMNS.start + COLUMNS.size > offset, COLUMNS.start < offset + limit
        query = select(log_pieces).where(*wanted).order_by(COLUMNS.start)

        def work(tx: Connection) -> bytes:
            rows = tx.execute(query).all()
            first = rows[0].start if rows else offset
            return b"".join(map(_text, rows))[offset - first :][:limit]

        return self._database.read(work)

    def size(self, run: int) -> int:
        return self._database.read(lambda tx: _end(tx, run))

    def spent(self, run: int, stage: str) -> int:
        """Bytes of the stage so far."""
        return self._database.read(lambda tx: _spent(tx, run, stage))

    def parts(self, run: int) -> list[tuple[str, int]]:
        query = select(COLUMNS.stage, COLUMNS.size).where(COLUMNS.run == run).order_by(COLUMNS.start)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return [
            (stage, sum(row.size for row in found))
            for stage, found in groupby(rows, key=lambda row: str(row.stage))
        ]

    def kept(self) -> list[Kept]:
        size, newest = func.sum(func.length(COLUMNS.content)), func.max(COLUMNS.at)
        query = select(COLUMNS.run, size.label("bytes"), newest.label("newest")).group_by(COLUMNS.run)
        rows = self._database.read(lambda tx: tx.execute(query.order_by(COLUMNS.run)).all())
        return [Kept(row.run, int(row.bytes), row.newest) for row in rows]

    def remove(self, run: int) -> None:
        self._database.write(lambda tx: tx.execute(delete(log_pieces).where(COLUMNS.run == run)))

    def _alone(self, tx: Connection, run: int) -> None:
        """A log need not outlive a power cut of the database by its last tenth of a second."""
        if not self._database.is_sqlite:
            tx.execute(text("SET LOCAL synchronous_commit = off"))
        self._database.line_up(tx, ("log", str(run)))

    def _now(self, tx: Connection) -> datetime:
        return self._database.now(tx)


def _end(tx: Connection, run: int) -> int:
    last = select(COLUMNS.start, COLUMNS.size).where(COLUMNS.run == run).order_by(COLUMNS.start.desc())
    row = tx.execute(last.limit(1)).first()
    return 0 if row is None else int(row.start + row.size)


def _spent(tx: Connection, run: int, stage: str) -> int:
    mine = COLUMNS.run == run, COLUMNS.stage == stage
    return int(tx.execute(select(func.coalesce(func.sum(COLUMNS.size), 0)).where(*mine)).scalar_one())


def _cut(data: bytes, size: int) -> bytes:
    """Two writers at once, one of them a zombie: no half character at the end."""
    return data[:size].decode("utf-8", "ignore").encode()


def _beside(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """In groups between which another stage wrote."""
    groups: list[list[Row[Any]]] = []
    for row in rows:
        if groups and groups[-1][-1].start + groups[-1][-1].size == row.start:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _between(rows: Sequence[Row[Any]]) -> Any:
    return COLUMNS.start.between(rows[0].start, rows[-1].start)


def _text(row: Row[Any]) -> bytes:
    if not row.packed:
        return bytes(row.content)
    return zstandard.ZstdDecompressor().decompress(row.content, max_output_size=row.size)
