"""What happened to hosts: drained by people, silent, back again. Decides nothing from it."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from pipeline.fleet.host import HostState
from runners.store import tables
from runners.store.database import Database

COLUMNS = tables.hosts.c


class SqlFleet:
    """Implements `pipeline.books.Fleet`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hosts(self) -> dict[str, HostState]:
        rows = self._database.read(lambda tx: tx.execute(select(tables.hosts)).all())
        return {row.name: HostState(**row._asdict()) for row in rows}

    def drain(self, host: str, by: str, reason: str) -> None:
        def work(tx: Connection) -> None:
            self._row(tx, host)
            values = {"drained_by": by, "reason": reason, "returned_at": None}
            tx.execute(update(tables.hosts).where(COLUMNS.name == host).values(values))
            first = COLUMNS.name == host, COLUMNS.drained_at.is_(None)
            tx.execute(update(tables.hosts).where(*first).values(drained_at=self._database.now(tx)))

        self._database.write(work)

    def resume(self, host: str) -> None:
        def work(tx: Connection) -> None:
            values = {
                "drained_at": None,
                "drained_by": "",
                "reason": "",
                "returned_at": self._database.now(tx),
            }
            drained = COLUMNS.name == host, COLUMNS.drained_at.is_not(None)
            tx.execute(update(tables.hosts).where(*drained).values(values))

        self._database.write(work)

    def silent(self, host: str, since: datetime) -> bool:
        def work(tx: Connection) -> bool:
            self._row(tx, host)
            known = COLUMNS.name == host, COLUMNS.silent_since.is_(None)
            return bool(tx.execute(update(tables.hosts).where(*known).values(silent_since=since)).rowcount)

        return self._database.write(work)

    def answers(self, host: str, at: datetime) -> bool:
        def work(tx: Connection) -> bool:
            known = COLUMNS.name == host, COLUMNS.silent_since.is_not(None)
            values = {"silent_since": None, "returned_at": at}
            return bool(tx.execute(update(tables.hosts).where(*known).values(values)).rowcount)

        return self._database.write(work)

    def settled(self, host: str, returned_at: datetime) -> None:
        same = COLUMNS.name == host, COLUMNS.returned_at == returned_at
        self._database.write(
            lambda tx: tx.execute(update(tables.hosts).where(*same).values(returned_at=None))
        )

    def _row(self, tx: Connection, host: str) -> None:
        tx.execute(self._database.insert(tables.hosts).values(name=host).on_conflict_do_nothing())
