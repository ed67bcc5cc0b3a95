"""How rows of releases are read and added. Used inside transactions of several books; opens none itself."""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Integer, cast, insert, select

from pipeline.errors import NotFound
from pipeline.rollout.release import Release, ReleaseSummary
from runners.store import tables
from runners.store.codec import Codec
from runners.store.database import Database
from runners.store.newest import as_parameter, pairs


class ReleaseRows:
    def __init__(self, database: Database, codec: Codec) -> None:
        self._database = database
        self._codec = codec

    def add(self, tx: Connection, release: Release, now: datetime) -> Release:
        number = self._next(tx, release.service)
        stored = replace(release, number=number, created_at=release.created_at or now)
        tx.execute(insert(tables.releases).values(self._row(stored)))
        return stored

    def record(self, tx: Connection, release: Release, now: datetime) -> None:
        """Under the number that it has already; one that is there stays as it is."""
        new = self._database.insert(tables.releases).values(self._row(replace(release, created_at=now)))
        tx.execute(new.on_conflict_do_nothing())

    def find(self, tx: Connection, service: str, number: int) -> Release:
        table = tables.releases.c
        query = select(table.record).where(table.service == service, table.number == number)
        record = tx.execute(query).scalar_one_or_none()
        if record is None:
            raise NotFound(f"Service {service!r} has no release {number}. `shipway releases` lists them.")
        return self._codec.load(Release, record)

    def newest(self, tx: Connection, service: str, limit: int, before: int) -> list[Release]:
        table = tables.releases.c
        query = (
            select(table.record).where(table.service == service).order_by(table.number.desc()).limit(limit)
        )
        if before:
            query = query.where(table.number < before)
        return [self._codec.load(Release, record) for record in tx.execute(query).scalars()]

    def summaries(
        self, tx: Connection, wanted: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], ReleaseSummary]:
        table, asked = tables.releases.c, pairs(tx)
        query = select(table.service, table.number, table.image, table.record)
        these = table.service == asked.c.first, table.number == cast(asked.c.second, Integer)
        rows = tx.execute(query.where(*these), as_parameter(wanted))
        return {
            (service, number): _summary(service, number, image, record)
            for service, number, image, record in rows
        }

    def _row(self, stored: Release) -> dict[str, object]:
        return {
            "service": stored.service,
            "number": stored.number,
            "image": stored.image,
            "environment": stored.environment,
            "created_at": stored.created_at,
            "record": self._codec.dump(stored),
        }

    def _next(self, tx: Connection, service: str) -> int:
        """A counter of its own, so that a number never comes twice."""
        table = tables.services
        first = self._database.insert(table).values(name=service, last_release=1)
        grown = first.on_conflict_do_update(
            index_elements=[table.c.name], set_={"last_release": table.c.last_release + 1}
        )
        return int(tx.execute(grown.returning(table.c.last_release)).scalar_one())


def _summary(service: str, number: int, image: str, record: str) -> ReleaseSummary:
    kept = json.loads(record)
    made = kept.get("created_at")
    moment = datetime.fromisoformat(made) if made else None
    return ReleaseSummary(
        service, number, kept.get("commit", ""), kept.get("ref", ""), kept.get("run"), moment, image
    )
