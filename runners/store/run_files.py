"""The files that tests left, in a database that several machines share: in pieces, so that no transaction is long.

A file counts when its last piece is there; what was cut on its way goes with the run. Knows no limit.
"""

from collections.abc import Iterator
from typing import IO

import zstandard
from sqlalchemy import Connection, delete, func, insert, select, update

from runners.store.database import Database
from runners.store.run_logs import Kept
from runners.store.shared_tables import run_file_pieces, run_files

PIECE = 256 << 10
LEVEL = 1
FILES, PIECES = run_files.c, run_file_pieces.c


class SqlRunFiles:
    """By run and path."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sizes(self, run: int) -> dict[str, int]:
        query = select(FILES.path, FILES.size).where(FILES.run == run, FILES.whole).order_by(FILES.path)
        return {path: size for path, size in self._database.read(lambda tx: tx.execute(query).all())}

    def content(self, run: int, path: str) -> Iterator[bytes] | None:
        """None: there is no such file."""
        query = select(FILES.number).where(FILES.run == run, FILES.path == path, FILES.whole)
        number = self._database.read(lambda tx: tx.execute(query).scalar_one_or_none())
        return None if number is None else self._pieces(run, number)

    def keep(self, run: int, path: str, size: int, source: IO[bytes]) -> None:
        number = self._database.write(lambda tx: self._begun(tx, run, path, size))
        for part, piece in enumerate(iter(lambda: source.read(PIECE), b"")):
            content = zstandard.ZstdCompressor(level=LEVEL).compress(piece)
            row = {"run": run, "number": number, "part": part, "content": content}
            self._database.write(lambda tx, row=row: tx.execute(insert(run_file_pieces).values(row)))  # type: ignore[misc]
        self._database.write(lambda tx: _finish(tx, run, number, path))

    def kept(self) -> list[Kept]:
        inside = select(PIECES.run, func.sum(func.length(PIECES.content)).label("bytes")).group_by(PIECES.run)
        held = inside.subquery()
        newest = func.max(FILES.at).label("newest")
        size = func.coalesce(func.max(held.c.bytes), 0).label("bytes")
        query = select(FILES.run, size, newest).outerjoin(held, held.c.run == FILES.run).group_by(FILES.run)
        rows = self._database.read(lambda tx: tx.execute(query.order_by(FILES.run)).all())
        return [Kept(row.run, int(row.bytes), row.newest) for row in rows]

    def remove(self, run: int) -> None:
        def work(tx: Connection) -> None:
            tx.execute(delete(run_files).where(FILES.run == run))
            tx.execute(delete(run_file_pieces).where(PIECES.run == run))

        self._database.write(work)

    def _begun(self, tx: Connection, run: int, path: str, size: int) -> int:
        self._database.line_up(tx, ("files", str(run)))
        last = tx.execute(select(func.max(FILES.number)).where(FILES.run == run)).scalar_one_or_none() or 0
        row = {"run": run, "number": last + 1, "path": path, "size": size, "whole": False}
        tx.execute(insert(run_files).values(**row, at=self._database.now(tx)))
        return int(last) + 1

    def _pieces(self, run: int, number: int) -> Iterator[bytes]:
        mine = PIECES.run == run, PIECES.number == number
        part = 0
        while True:
            query = select(PIECES.content).where(*mine, PIECES.part == part)
            piece = self._database.read(lambda tx, query=query: tx.execute(query).scalar_one_or_none())  # type: ignore[misc]
            if piece is None:
                return
            yield zstandard.ZstdDecompressor().decompress(piece, max_output_size=PIECE)
            part += 1


def _finish(tx: Connection, run: int, number: int, path: str) -> None:
    """From now on it is the one of this path."""
    others = FILES.run == run, FILES.path == path, FILES.number != number
    old = [row for (row,) in tx.execute(select(FILES.number).where(*others))]
    tx.execute(delete(run_files).where(*others))
    tx.execute(delete(run_file_pieces).where(PIECES.run == run, PIECES.number.in_(old)))
    tx.execute(update(run_files).where(FILES.run == run, FILES.number == number).values(whole=True))
