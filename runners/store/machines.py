"""The machines that run Shipway on this database, and when each was seen last. For questions such as whether another one is
still there; what works on what is told by leases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from runners.store.database import Database
from runners.store.shared_tables import machines

SEEN_WITHIN = timedelta(seconds=60)  # three of its signs of life
FORGET_AFTER = timedelta(days=7)
COLUMNS = machines.c


@dataclass(frozen=True)
class Machine:
    """`id` lies in its data folder. `own_redis`: its workers are woken by a Redis of its own."""

    id: str
    name: str
    version: str
    own_redis: bool = False
    seen_at: datetime | None = None


class SqlMachines:
    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, machine: Machine) -> None:
        """It is there."""

        def work(tx: Connection) -> None:
            now = self._database.now(tx)
            known = {"name": machine.name, "version": machine.version, "own_redis": machine.own_redis}
            row = self._database.insert(machines).values(id=machine.id, seen_at=now, **known)
            new = {**known, "seen_at": now}
            tx.execute(row.on_conflict_do_update(index_elements=[COLUMNS.id], set_=new))
            tx.execute(delete(machines).where(COLUMNS.seen_at < now - FORGET_AFTER))

        self._database.write(work)

    def leave(self, machine: str) -> None:
        self._database.write(lambda tx: tx.execute(delete(machines).where(COLUMNS.id == machine)))

    def others(self, machine: str) -> Sequence[Machine]:
        """Seen within the last minute, by name."""
        return self._database.read(lambda tx: others(tx, machine, self._database.now(tx)))


def others(tx: Connection, machine: str, now: datetime) -> Sequence[Machine]:
    alive = COLUMNS.id != machine, COLUMNS.seen_at > now - SEEN_WITHIN
    rows = tx.execute(select(machines).where(*alive).order_by(COLUMNS.name, COLUMNS.id))
    return [Machine(**row._asdict()) for row in rows]
