"""The book of releases. They are written once and never change."""

from collections.abc import Collection

from sqlalchemy import Connection

from pipeline.rollout.release import Release, ReleaseSummary
from runners.store.database import Database
from runners.store.release_rows import ReleaseRows


class SqlReleases:
    """Implements `pipeline.books.Releases`."""

    def __init__(self, database: Database, rows: ReleaseRows) -> None:
        self._database = database
        self._rows = rows

    def add(self, release: Release) -> Release:
        def work(tx: Connection) -> Release:
            return self._rows.add(tx, release, self._database.now(tx))

        return self._database.write(work)

    def release(self, service: str, number: int) -> Release:
        return self._database.read(lambda tx: self._rows.find(tx, service, number))

    def releases(self, service: str, limit: int = 50, before: int = 0) -> list[Release]:
        return self._database.read(lambda tx: self._rows.newest(tx, service, limit, before))

    def summaries(self, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], ReleaseSummary]:
        return self._database.read(lambda tx: self._rows.summaries(tx, wanted))
