"""The book of runs. Every status moves in one guarded UPDATE; nothing here runs a stage."""

from collections.abc import Collection
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select, update

from pipeline.delivery.run import (
    COMMITTED,
    OVER,
    NewRun,
    Run,
    RunStatus,
    RunSummary,
    Stage,
    StageName,
    StageStatus,
)
from pipeline.errors import Conflict, Refused, Stopped
from pipeline.lease import Lease
from pipeline.rollout.deployment import Deployment, Request
from pipeline.rollout.release import Release
from pipeline.summaries import Place
from runners.store import tables
from runners.store.database import Database
from runners.store.deployment_rows import DeploymentRows
from runners.store.leases import guard, is_held
from runners.store.release_rows import ReleaseRows
from runners.store.run_rows import (
    COLUMNS,
    OPEN,
    beside,
    end_run,
    find_run,
    is_open,
    lock_run,
    newest_summaries,
    queue_runs,
    run_of,
    stages_text,
    with_stage,
)


class SqlRuns:
    """Implements `pipeline.books.Runs`."""

    def __init__(self, database: Database, releases: ReleaseRows, deployments: DeploymentRows) -> None:
        self._database = database
        self._releases = releases
        self._deployments = deployments

    def add(self, new: NewRun) -> Run:
        def work(tx: Connection) -> Run:
            return self._queue(tx, new)

        return self._database.write(work)

    def run(self, run_id: int) -> Run:
        return self._database.read(lambda tx: run_of(find_run(tx, run_id)))

    def runs(
        self, service: str = "", status: str = "", limit: int = 50, environment: str = "", before: int = 0
    ) -> list[Run]:
        query = select(tables.runs).order_by(COLUMNS.id.desc()).limit(limit)
        wanted = {"service": service, "status": status, "environment": environment}
        for column, value in wanted.items():
            query = query.where(COLUMNS[column] == value) if value else query
        if before:
            query = query.where(COLUMNS.id < before)
        return self._database.read(lambda tx: [run_of(row) for row in tx.execute(query)])

    def newest(self, places: Collection[Place], limit: int) -> dict[Place, list[RunSummary]]:
        return self._database.read(lambda tx: newest_summaries(tx, places, limit))

    def messages(self, runs: Collection[int]) -> dict[int, str]:
        query = select(COLUMNS.id, COLUMNS.message).where(COLUMNS.id.in_(sorted(set(runs))))
        return self._database.read(lambda tx: {number: message for number, message in tx.execute(query)})

    def counts(self) -> dict[str, int]:
        query = select(COLUMNS.status, func.count()).group_by(COLUMNS.status)
        return self._database.read(lambda tx: {status: number for status, number in tx.execute(query)})

    def begin(self, run_id: int, lease: Lease) -> Run | None:
        def work(tx: Connection) -> Run | None:
            guard(tx, lease)
            row = lock_run(tx, self._database, run_id)
            if not _may_begin(row) or self._other_is_running(tx, run_of(row)):
                return None
            started = row.started_at or self._database.now(tx)
            values = {"status": RunStatus.RUNNING, "attempt": row.attempt + 1, "started_at": started}
            tx.execute(update(tables.runs).where(is_open(run_id)).values(values))
            return run_of(find_run(tx, run_id))

        return self._database.write(work)

    def save_stage(self, run_id: int, stage: Stage, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            row = self._still_running(tx, run_id)
            values: dict[str, object] = {"stages": with_stage(row.stages, stage)}
            if made := stage.detail.get(COMMITTED):
                values["committed_at"] = datetime.fromisoformat(made)
            tx.execute(update(tables.runs).where(is_open(run_id)).values(values))

        self._database.write(work)

    def finish(self, run_id: int, status: str, error: str, lease: Lease | None) -> None:
        if status not in OVER:
            raise Refused(f"Run {run_id} cannot finish as {status!r}: that is no final status.")

        def work(tx: Connection) -> None:
            if lease is not None:
                guard(tx, lease)
            lock_run(tx, self._database, run_id)
            end_run(tx, run_id, RunStatus(status), error, self._database.now(tx))

        self._database.write(work)

    def hand_over(self, run_id: int, release: Release, deployment: Deployment, lease: Lease) -> int:
        def work(tx: Connection) -> int:
            guard(tx, lease)
            run = run_of(lock_run(tx, self._database, run_id))
            if run.deployment is not None:
                return run.deployment
            self._still_running(tx, run_id)
            if run.merge_request:
                raise Refused(f"Run {run_id} is of {run.place}: it is never deployed.")
            now = self._database.now(tx)
            stored = self._releases.add(tx, replace(release, run=run_id), now)
            number = self._deployments.create(tx, replace(deployment, release=stored, run=run_id), now)
            self._wait_for(tx, run, stored.number, number)
            return number

        return self._database.write(work)

    def wait_for_approval(self, run_id: int, lease: Lease) -> bool:
        return self._wait(run_id, lease, "be approved", waits=True)

    def hold(self, run_id: int, why: str, lease: Lease) -> bool:
        return self._wait(run_id, lease, "be deployed", held=why)

    def held(self) -> list[Run]:
        query = select(tables.runs).where(COLUMNS.status == RunStatus.QUEUED, COLUMNS.held != "")
        return self._database.read(lambda tx: [run_of(row) for row in tx.execute(query.order_by(COLUMNS.id))])

    def held_for(self, run_id: int, why: str) -> None:
        still = is_open(run_id) & (COLUMNS.held != "")
        self._database.write(lambda tx: tx.execute(update(tables.runs).where(still).values(held=why)))

    def approve(self, run_id: int, by: str, override: bool = False, reason: str = "") -> Run:
        def work(tx: Connection) -> Run:
            run = run_of(lock_run(tx, self._database, run_id))
            if not run.waits and not (override and run.held):
                raise Conflict(_not_waiting(run))
            values = {"waits": False, "approved_by": by if run.waits else run.approved_by}
            values |= {"held": "", "overridden_by": by, "override_reason": reason} if override else {}
            tx.execute(update(tables.runs).where(is_open(run_id)).values(values))
            return run_of(find_run(tx, run_id))

        return self._database.write(work)

    def cancel(self, run_id: int) -> Run:
        def work(tx: Connection) -> Run:
            run = run_of(lock_run(tx, self._database, run_id))
            if run.over:
                raise Conflict(
                    f"Run {run_id} is over already: {run.status}. `shipway run show {run_id}` tells how."
                )
            if run.status is RunStatus.QUEUED:
                why = "Cancelled instead of approved." if run.waits else "Cancelled before it began."
                why = "Cancelled while it was held." if run.held else why
                end_run(tx, run_id, RunStatus.CANCELLED, why, self._database.now(tx))
            else:
                tx.execute(update(tables.runs).where(is_open(run_id)).values(cancel_requested=True))
            if run.deployment is not None:
                self._deployments.ask(tx, run.deployment, Request.ABORT, self._database.now(tx))
            return run_of(find_run(tx, run_id))

        return self._database.write(work)

    def retry(self, run_id: int, requested_by: str) -> Run:
        def work(tx: Connection) -> Run:
            run = run_of(lock_run(tx, self._database, run_id))
            if not run.over:
                raise Conflict(
                    f"Run {run_id} is still {run.status}: `shipway run cancel {run_id}` ends it, "
                    f"`shipway follow --run {run_id}` waits."
                )
            same = {one.name: getattr(run, one.name) for one in fields(NewRun)}
            return self._queue(tx, NewRun(**same | {"requested_by": requested_by}))

        return self._database.write(work)

    def due(self) -> list[int]:
        def work(tx: Connection) -> list[int]:
            return [number for (number,) in tx.execute(_due(), {"now": self._database.now(tx)})]

        return self._database.read(work)

    def at_rest(self) -> bool:
        return not self._database.read(lambda tx: tx.execute(_any_open()).scalar())

    def _wait(self, run_id: int, lease: Lease, what: str, **wait: bool | str) -> bool:
        def work(tx: Connection) -> bool:
            guard(tx, lease)
            run = run_of(self._still_running(tx, run_id))
            if newer := self._newer(tx, run):
                why = f"Run {newer}, asked for later, came before this one could {what}."
                end_run(tx, run_id, RunStatus.SUPERSEDED, why, self._database.now(tx))
                return False
            values = {"status": RunStatus.QUEUED, **wait}
            tx.execute(update(tables.runs).where(is_open(run_id)).values(values))
            return True

        return self._database.write(work)

    def _queue(self, tx: Connection, new: NewRun) -> Run:
        number = queue_runs(tx, self._database, [(new, None)], self._database.now(tx))[0]
        return run_of(find_run(tx, number))

    def _still_running(self, tx: Connection, run_id: int) -> Row[Any]:
        row = lock_run(tx, self._database, run_id)
        if row.status != RunStatus.RUNNING:
            raise Stopped(f"Run {run_id} is {row.status}, not running. {row.error} Nothing was written.")
        return row

    def _wait_for(self, tx: Connection, run: Run, release: int, deployment: int) -> None:
        """From here on the run is over when its deployment is."""
        deploy = Stage(StageName.DEPLOY, StageStatus.RUNNING, started_at=self._database.now(tx))
        stages = with_stage(stages_text(run.stages), deploy)
        values = {"release": release, "deployment": deployment, "stages": stages}
        tx.execute(update(tables.runs).where(is_open(run.id)).values(values))

    def _newer(self, tx: Connection, run: Run) -> int | None:
        place = COLUMNS.service == run.service, COLUMNS.environment == run.environment
        queued = COLUMNS.status == RunStatus.QUEUED, COLUMNS.id > run.id
        return tx.execute(select(func.max(COLUMNS.id)).where(*place, *queued)).scalar()

    def _other_is_running(self, tx: Connection, run: Run) -> bool:
        place = (COLUMNS[name] == value for name, value in zip(tables.RUNS_BESIDE, beside(run), strict=True))
        others = exists().where(*place, COLUMNS.status == RunStatus.RUNNING, COLUMNS.id != run.id)
        return bool(tx.execute(select(others)).scalar())


def _may_begin(row: Row[Any]) -> bool:
    return row.status not in OVER and row.deployment is None and not row.waits and not row.held


def _not_waiting(run: Run) -> str:
    if run.held:
        return f"Run {run.id} {run.held}. It deploys by itself then; `shipway run approve {run.id} --override` deploys it now."
    return f"Run {run.id} does not wait for an approval: it is {run.status}. {run.error}".rstrip()


@cache
def _any_open() -> Select[bool]:
    return select(exists().where(COLUMNS.status.in_(OPEN), ~COLUMNS.waits, COLUMNS.held == ""))


@cache
def _due() -> Select[int]:
    """Queued and newest with none running beside it, or running and not waiting for a deployment; nobody holds it.
    Oldest first. Asked every second: building it anew costs more than asking."""
    other = tables.runs.alias()
    place = (other.c[name] == COLUMNS[name] for name in tables.RUNS_BESIDE)
    in_the_way = exists().where(
        *place, or_(other.c.status == "running", and_(other.c.status == "queued", other.c.id > COLUMNS.id))
    )
    queued = and_(COLUMNS.status == "queued", ~COLUMNS.waits, COLUMNS.held == "", ~in_the_way)
    running = and_(COLUMNS.status == "running", COLUMNS.deployment.is_(None))
    free = ~is_held("run:", COLUMNS.id)
    return select(COLUMNS.id).where(or_(queued, running), free).order_by(COLUMNS.id)
