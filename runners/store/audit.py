"""Who did what, when. Append-only: the database itself refuses to change or remove a line (see the migrations)."""

from typing import Any

from sqlalchemy import Connection, insert, select

from runners.store import tables
from runners.store.database import Database

COLUMNS = tables.audit.c


class SqlAudit:
    """Implements `pipeline.books.Audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self, actor: str, action: str, target: str, detail: str = "", patience: float | None = None
    ) -> None:
        def work(tx: Connection) -> None:
            line = {"actor": actor, "action": action, "target": target, "detail": detail}
            tx.execute(insert(tables.audit).values(at=self._database.now(tx), **line))

        self._database.write(work, patience)

    def entries(self, limit: int = 100, before: int = 0) -> list[dict[str, Any]]:
        query = select(tables.audit).order_by(COLUMNS.id.desc()).limit(limit)
        if before:
            query = query.where(COLUMNS.id < before)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return [row._asdict() | {"at": row.at.isoformat()} for row in rows]
