"""What is put right in restored books, once, before anybody works with them.

What was under way when the backup was made is over: somebody else's world went on since. Leases are nobody's, numbers leap
past those that may have been given, and each environment waits until it was compared with what runs.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from pipeline.delivery.run import RunStatus
from pipeline.rollout.deployment import FINAL, Status
from runners.store import tables
from runners.store.counters import leap
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.recovery_tables import recoveries
from runners.store.run_rows import OPEN, end_run

Place = tuple[str, str]
FENCES = 1000  # that may have been given since


def settle(
    database: Database, deployments: DeploymentRows, taken_at: datetime, places: Sequence[Place]
) -> tuple[int, int]:
    """How many deployments and runs were ended."""
    why = (
        f"The books were restored from a backup of {taken_at:%Y-%m-%d %H:%M} UTC, when this was under way. "
        "Deploy again what is wanted."
    )

    def work(tx: Connection) -> tuple[int, int]:
        now = database.now(tx)
        leap(tx)
        lease = tables.leases
        tx.execute(update(lease).values(owner="", until=now, fence=lease.c.fence + FENCES))
        ended = _end_deployments(tx, deployments, why, now), _end_runs(tx, why, now)
        _wait(tx, database, taken_at, now, places)
        line = {"actor": "restore", "action": "restore.books", "target": "everything", "detail": why}
        tx.execute(insert(tables.audit).values(at=now, **line))
        return ended

    return database.write(work, patience=60.0)


def _end_deployments(tx: Connection, rows: DeploymentRows, why: str, now: datetime) -> int:
    table = tables.deployments
    found = tx.execute(select(table).where(table.c.status.not_in(sorted(FINAL)))).all()
    for row in found:
        rows.end(tx, rows.of(row), Status.CANCELLED, why, now)
    return len(found)


def _end_runs(tx: Connection, why: str, now: datetime) -> int:
    table = tables.runs
    numbers = tx.execute(select(table.c.id).where(table.c.status.in_(OPEN))).scalars().all()
    for number in numbers:
        end_run(tx, number, RunStatus.CANCELLED, why, now)
    return len(numbers)


def _wait(
    tx: Connection, database: Database, taken_at: datetime, now: datetime, places: Sequence[Place]
) -> None:
    tx.execute(recoveries.delete())
    rows = [
        {"service": service, "environment": environment, "taken_at": taken_at, "restored_at": now}
        for service, environment in places
    ]
    if rows:
        tx.execute(insert(recoveries), rows)
