"""The book of backups. A failure leaves a moment, so that people are told."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from pipeline.recovery.backup import Made
from runners.store.database import Database
from runners.store.recovery_tables import backups
from runners.store.told_tables import moments

COLUMNS = backups.c
KEPT = 200  # rows
FAILED = "backup.failed"


class SqlBackups:
    """Implements `pipeline.recovery.backup.BackupBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, made: Made) -> None:
        row = {"at": made.at, "name": made.name, "place": made.place, "size": made.size, "error": made.error}

        def work(tx: Connection) -> None:
            number = tx.execute(insert(backups).values(row).returning(COLUMNS.id)).scalar_one()
            tx.execute(delete(backups).where(COLUMNS.id <= number - KEPT))
            if made.error:
                moment = {"kind": FAILED, "at": made.at, "number": number, "why": made.error}
                tx.execute(insert(moments).values(moment))

        self._database.write(work)

    def newest(self, limit: int = 20) -> Sequence[Made]:
        query = select(backups).order_by(COLUMNS.id.desc()).limit(limit)
        return self._database.read(lambda tx: [_made(row) for row in tx.execute(query)])

    def last_good(self) -> Made | None:
        query = select(backups).where(COLUMNS.error == "").order_by(COLUMNS.id.desc()).limit(1)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else _made(row)


def _made(row: Row[Any]) -> Made:
    return Made(row.at, row.name, row.place, row.size, row.error)
