"""The book of freezes that people set. Rows stay, so that it can be asked who held what back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.window import Freeze
from runners.store.database import Database
from runners.store.timing_tables import freezes

COLUMNS = freezes.c


class SqlFreezes:
    """Implements `pipeline.timing.Freezes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, freeze: Freeze) -> Freeze:
        values = {name: value for name, value in asdict(freeze).items() if name != "id"}

        def work(tx: Connection) -> Freeze:
            number = tx.execute(insert(freezes).values(values).returning(COLUMNS.id)).scalar_one()
            return _freeze_of(_found(tx, number))

        return self._database.write(work)

    def freezes(self) -> Sequence[Freeze]:
        def work(tx: Connection) -> list[Freeze]:
            now = self._database.now(tx)
            query = select(freezes).where(COLUMNS.until > now, COLUMNS.lifted_at.is_(None))
            return [_freeze_of(row) for row in tx.execute(query.order_by(COLUMNS.since, COLUMNS.id))]

        return self._database.read(work)

    def freeze(self, number: int) -> Freeze:
        return self._database.read(lambda tx: _freeze_of(_found(tx, number)))

    def lift(self, number: int, by: str) -> Freeze:
        def work(tx: Connection) -> Freeze:
            now = self._database.now(tx)
            row = _found(tx, number)
            if row.until <= now or row.lifted_at is not None:
                raise Conflict(
                    f"Freeze {number} is over already. `shipway freeze list` shows those that hold."
                )
            values = {"lifted_at": now, "lifted_by": by}
            tx.execute(update(freezes).where(COLUMNS.id == number).values(values))
            return _freeze_of(_found(tx, number))

        return self._database.write(work)


def _found(tx: Connection, number: int) -> Row[Any]:
    row = tx.execute(select(freezes).where(COLUMNS.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"There is no freeze {number}. `shipway freeze list` shows those that hold.")
    return row


def _freeze_of(row: Row[Any]) -> Freeze:
    return Freeze(**row._asdict())
