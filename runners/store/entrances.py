"""The book of entrances: what is known of regions, what was begun, written and settled."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from pipeline.entrances.entrance import Change, Standing
from pipeline.lease import Lease
from runners.store.database import Database
from runners.store.entrance_tables import entrance_changes, entrance_regions
from runners.store.leases import guard

REGIONS = entrance_regions.c
CHANGES = entrance_changes.c
HEALTH = ("out", "bad", "good", "why", "seen_at", "changed_at")
PARKING = ("parked", "parked_by", "parked_at", "reason")
SHOWN = [column for column in CHANGES if column.name != "written_at"]


class SqlEntrances:
    """Implements `pipeline.entrances.book.Entrances`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standings(self, entrance: str) -> Mapping[str, Standing]:
        query = select(entrance_regions).where(REGIONS.entrance == entrance).order_by(REGIONS.region)
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return {row.region: _standing(row) for row in rows}

    def seen(self, entrance: str, standings: Sequence[Standing], change: Change | None, lease: Lease) -> None:
        self._save(entrance, standings, HEALTH, change, lease)

    def parked(self, entrance: str, standings: Sequence[Standing], change: Change, lease: Lease) -> None:
        self._save(entrance, standings, PARKING, change, lease)

    def begin(self, change: Change, lease: Lease) -> None:
        self._save(change.entrance, (), (), change, lease)

    def begun(self, entrance: str) -> Sequence[Change]:
        return self._changes(_of(entrance).where(CHANGES.written_at.is_(None)).order_by(CHANGES.id))

    def written(self, entrance: str, token: str, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            change = update(entrance_changes).where(
                CHANGES.entrance == entrance, CHANGES.written_at.is_(None)
            )
            tx.execute(change.values(token=token, written_at=self._database.now(tx)))

        self._database.write(work)

    def unsettled(self, entrance: str) -> Sequence[Change]:
        waiting = _of(entrance).where(CHANGES.written_at.is_not(None), CHANGES.settled_at.is_(None))
        return self._changes(waiting.order_by(CHANGES.id))

    def settled(self, change: Change, at: datetime) -> None:
        row = update(entrance_changes).where(CHANGES.id == change.id, CHANGES.settled_at.is_(None))
        self._database.write(lambda tx: tx.execute(row.values(settled_at=at)))

    def changes(self, entrance: str, limit: int = 10) -> Sequence[Change]:
        return self._changes(_of(entrance).order_by(CHANGES.id.desc()).limit(limit))

    def _save(
        self,
        entrance: str,
        standings: Sequence[Standing],
        columns: Sequence[str],
        change: Change | None,
        lease: Lease,
    ) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            for standing in standings:
                values = {name: getattr(standing, name) for name in columns}
                row = self._database.insert(entrance_regions)
                row = row.values(entrance=entrance, region=standing.region, **values)
                tx.execute(
                    row.on_conflict_do_update(index_elements=[REGIONS.entrance, REGIONS.region], set_=values)
                )
            if change is not None:
                tx.execute(insert(entrance_changes).values(_row(change)))

        self._database.write(work)

    def _changes(self, query: Select[Any]) -> list[Change]:
        return self._database.read(lambda tx: [_change(row) for row in tx.execute(query)])


def _of(entrance: str) -> Select[Any]:
    return select(*SHOWN).where(CHANGES.entrance == entrance)


def _standing(row: Row[Any]) -> Standing:
    fields = {name: getattr(row, name) for name in ("region", *HEALTH, *PARKING)}
    return Standing(**fields | {"out": bool(row.out), "parked": bool(row.parked)})


def _change(row: Row[Any]) -> Change:
    return Change(**row._asdict() | {"regions": tuple(row.regions.split())})


def _row(change: Change) -> dict[str, object]:
    return {
        "entrance": change.entrance,
        "what": change.what,
        "by": change.by,
        "at": change.at,
        "regions": " ".join(change.regions),
    }
