"""Where the cable of each agent ends, for the machines that share this database: the newest one wins.

Moments are the database's: what a machine noted so many seconds ago by its own clock was so many seconds ago by this one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, and_, delete, or_, select

from pipeline.fleet.agent import AgentSeen, CableEnd, DoorHere
from runners.store.cable_tables import cables, doors
from runners.store.database import Database

ALIVE = timedelta(seconds=15)  # five signs of life of a door
LATELY = timedelta(minutes=2)  # a cable that was left behind is found dead long before
PATIENCE = 2.0  # seconds; whoever asks has an engine to call
CABLE, DOOR = cables.c, doors.c


class SqlCables:
    """Implements `runners.agents.register.Cables` and `runners.agents.peers.Ends`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, door: DoorHere, seen: Mapping[str, AgentSeen], now: datetime) -> Mapping[str, str]:
        """This door lives, and that is what it saw since the last time; `now` by the clock of `seen`. Hosts whose cable
        came to another machine lately, with its name."""

        def work(tx: Connection) -> Mapping[str, str]:
            here = self._database.now(tx)
            known = {"name": door.name, "place": door.place, "seen_at": here}
            row = self._database.insert(doors).values(machine=door.machine, **known)
            tx.execute(row.on_conflict_do_update(index_elements=[DOOR.machine], set_=known))
            for name, one in seen.items():
                self._write(tx, door.machine, name, one, here - (now - one.since))
            return _elsewhere(tx, door.machine, here)

        return self._database.write(work)

    def leave(self, machine: str) -> None:
        """Its door was ended."""
        self._database.write(lambda tx: tx.execute(delete(doors).where(DOOR.machine == machine)))

    def living_doors(self) -> list[DoorHere]:
        def work(tx: Connection) -> list[DoorHere]:
            lately = select(doors).where(DOOR.seen_at > self._database.now(tx) - ALIVE).order_by(DOOR.name)
            return [DoorHere(row.machine, row.name, row.place) for row in tx.execute(lately)]

        return self._database.read(work, PATIENCE)

    def end_of(self, host: str) -> CableEnd | None:
        def work(tx: Connection) -> CableEnd | None:
            both = select(cables, doors.c.name, doors.c.place, doors.c.seen_at)
            both = both.select_from(cables.outerjoin(doors, DOOR.machine == CABLE.machine))
            row = tx.execute(both.where(CABLE.host == host)).one_or_none()
            return _end(row, self._database.now(tx)) if row else None

        return self._database.read(work, PATIENCE)

    def _write(self, tx: Connection, machine: str, host: str, seen: AgentSeen, since: datetime) -> None:
        """One that came takes the place of an older one; one that went is told only where it is the newest."""
        row = {"machine": machine, "connected": seen.connected, "since": since}
        row |= {"peer": seen.peer, "error": seen.error}
        mine, older = CABLE.machine == machine, CABLE.since < since
        may = or_(mine, older) if seen.connected else or_(mine, and_(older, CABLE.connected.is_(False)))
        insert = self._database.insert(cables).values(host=host, **row)
        tx.execute(insert.on_conflict_do_update(index_elements=[CABLE.host], set_=row, where=may))


def _elsewhere(tx: Connection, machine: str, now: datetime) -> Mapping[str, str]:
    name = select(CABLE.host, DOOR.name).select_from(cables.outerjoin(doors, DOOR.machine == CABLE.machine))
    lately = name.where(CABLE.machine != machine, CABLE.connected, CABLE.since > now - LATELY)
    return {row.host: row.name or "another machine" for row in tx.execute(lately)}


def _end(row: Row[tuple[object, ...]], now: datetime) -> CableEnd:
    seen = AgentSeen(row.connected, row.since, row.peer, row.error, row.name or "")
    alive = row.seen_at is not None and row.seen_at > now - ALIVE
    return CableEnd(seen, row.machine, row.name or "", row.place or "", alive)
