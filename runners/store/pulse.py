"""How Shipway is doing, from its books: a few small reads for each scrape. Decides nothing."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select

from pipeline.figures.pulse import LEASES, EndedDeployment, EndedRun, EndedStage, Pulse
from pipeline.rollout.deployment import Status
from runners.store import tables, told_tables
from runners.store.database import Database

RUNS, DEPLOYMENTS, LEASE = tables.runs.c, tables.deployments.c, tables.leases.c
OUTBOX, NOTICES, SIGHTS, PLACES = (
    told_tables.outbox.c,
    told_tables.notices.c,
    tables.sights.c,
    tables.environments.c,
)
MOST = 1000  # rows of one kind
DONE = ("succeeded", "failed")
SCHEDULER = "scheduler"


class SqlPulse:
    """Implements `pipeline.figures.pulse.PulseBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pulse(self) -> Pulse:
        return self._database.read(lambda tx: _pulse(tx, self._database.now(tx)))

    def ended_runs(self, since: datetime) -> list[EndedRun]:
        query = select(RUNS.id, RUNS.finished_at, RUNS.stages).where(RUNS.finished_at > since)
        newest = query.order_by(RUNS.finished_at.desc()).limit(MOST)
        rows = self._database.read(lambda tx: tx.execute(newest).all())
        return [EndedRun(row.id, row.finished_at, _stages(row.stages)) for row in reversed(rows)]

    def ended_deployments(self, since: datetime) -> list[EndedDeployment]:
        names = ("id", "service", "environment", "status", "finished_at", "failed_at")
        query = select(*(DEPLOYMENTS[name] for name in names)).where(DEPLOYMENTS.finished_at > since)
        newest = query.order_by(DEPLOYMENTS.finished_at.desc()).limit(MOST)
        rows = self._database.read(lambda tx: tx.execute(newest).all())
        return [
            EndedDeployment(r.id, r.service, r.environment, r.status, r.finished_at, _restored(r._asdict()))
            for r in reversed(rows)
        ]


def _pulse(tx: Connection, now: datetime) -> Pulse:
    queued = select(func.min(RUNS.created_at)).where(RUNS.status == "queued", ~RUNS.waits)
    outbox = tx.execute(select(func.count(), func.min(OUTBOX.at)).select_from(told_tables.outbox)).one()
    fates = select(NOTICES.fate, func.count()).group_by(NOTICES.fate)
    troubles = (
        select(SIGHTS.service, SIGHTS.trouble_since).where(SIGHTS.trouble_since.is_not(None)).limit(MOST)
    )
    held, late = _leases(tx, now)
    places = tx.execute(
        select(PLACES.service, PLACES.environment, PLACES.placed, PLACES.live).limit(MOST)
    ).all()
    return Pulse(
        queue_age=_age(tx.execute(queued).scalar(), now),
        outbox=outbox[0],
        outbox_age=_age(outbox[1], now),
        notices={fate: number for fate, number in tx.execute(fates)},
        leases=held,
        scheduler_late=late,
        troubles={service: _age(since, now) for service, since in tx.execute(troubles)},
        placed={(s, e): sum(json.loads(placed).values()) for s, e, placed, _ in places if placed},
        live={(s, e): live for s, e, _, live in places if live is not None},
    )


def _leases(tx: Connection, now: datetime) -> tuple[dict[str, int], float]:
    """How many of each kind are held, and for how long nobody leads."""
    held = tx.execute(select(LEASE.key).where(LEASE.owner != "", LEASE.until > now)).scalars()
    kinds = Counter(_kind(key) for key in held)
    until = tx.execute(select(LEASE.until).where(LEASE.key == SCHEDULER)).scalar()
    return {kind: kinds[kind] for kind in LEASES}, _age(until, now)


def _kind(key: str) -> str:
    kind = key.partition(":")[0]
    return kind if kind in LEASES else "other"


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _restored(row: Mapping[str, datetime | str | None]) -> float | None:
    begin, end = row["failed_at"], row["finished_at"]
    if (
        row["status"] != Status.ROLLED_BACK
        or not isinstance(begin, datetime)
        or not isinstance(end, datetime)
    ):
        return None
    return max(0.0, (end - begin).total_seconds())


def _stages(text: str) -> tuple[EndedStage, ...]:
    found = []
    for stage in json.loads(text or "[]"):
        begin, end = stage["started_at"], stage["finished_at"]
        if begin and end and stage["status"] in DONE:
            seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
            found.append(EndedStage(stage["name"], stage["status"], seconds))
    return tuple(found)
