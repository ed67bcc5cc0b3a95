"""How rows of runs are read, queued and ended. Used inside transactions of several books; opens none itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, insert, select, update

from pipeline.delivery.run import NewRun, Run, RunStatus, RunSummary, Stage, StageName, StageStatus
from pipeline.errors import NotFound
from pipeline.intake.inbox import Needless
from pipeline.summaries import Place
from runners.store import tables
from runners.store.codec import PLAIN
from runners.store.database import Database
from runners.store.many_rows import ManyRows
from runners.store.newest import as_parameter, newest
from runners.store.ready import Ready

Beside = tuple[str, str, int]
OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
UNDECIDED = (StageStatus.PENDING, StageStatus.RUNNING)
COLUMNS = tables.runs.c
SAME = (
    "id", "service", "environment", "kind", "ref", "created_at", "requested_by", "message", "started_at",
    "finished_at", "error", "release", "deployment", "delivery", "attempt", "cancel_requested", "merge_request",
    "target", "fork", "waits", "approved_by", "held", "overridden_by", "override_reason",
)  # fmt: skip


def queue_runs(
    tx: Connection, database: Database, news: Sequence[tuple[NewRun, int | None]], at: datetime
) -> list[int]:
    """Insert runs, each with its delivery's id. Of each service and environment, or merge request, only the newest stays
    queued, and the others say which one that is."""
    if not news:
        return []
    database.line_up(tx, *sorted({(new.service, new.environment) for new, _ in news}))
    rows = [_new_row(new, delivery, at) for new, delivery in news]
    numbers = [number for (number,) in ADD.put(tx, rows)]
    newest = {beside(new): number for (new, _), number in zip(news, numbers, strict=True)}
    _supersede_older(tx, newest, at)
    return numbers


def beside(run: NewRun | Run) -> Beside:
    """Runs with the same one go one after the other. The values of `tables.RUNS_BESIDE`."""
    return run.service, run.environment, run.merge_request


def find_run(tx: Connection, run_id: int) -> Row[Any]:
    row = tx.execute(select(tables.runs).where(COLUMNS.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {run_id}. `shipway runs` lists them.")
    return row


def lock_run(tx: Connection, database: Database, run_id: int) -> Row[Any]:
    """The row as it stays until the transaction ends."""
    if database.is_sqlite:
        return find_run(tx, run_id)
    row = find_run(tx, run_id)
    database.line_up(tx, (row.service, row.environment))
    return find_run(tx, run_id)


def end_run(tx: Connection, run_id: int, status: RunStatus, error: str, at: datetime) -> bool:
    """To a final status unless it has one; stages that were not decided become cancelled. False: it was over."""
    row = find_run(tx, run_id)
    stages = tuple(
        replace(stage, status=StageStatus.CANCELLED, finished_at=stage.started_at and at)
        if stage.status in UNDECIDED
        else stage
        for stage in stages_of(row.stages)
    )
    values = {
        "status": status,
        "error": error,
        "finished_at": at,
        "stages": stages_text(stages),
        "waits": False,
        "held": "",
    }
    return tx.execute(update(tables.runs).where(is_open(run_id)).values(values)).rowcount == 1


def cancel_needless(
    tx: Connection, database: Database, needless: Needless, delivery: int, at: datetime
) -> None:
    """Runs of a merge request that came before this delivery. What a worker has in hand ends by it, with the reason."""
    database.line_up(tx, (needless.service, ""))
    mine = COLUMNS.service == needless.service, COLUMNS.merge_request == needless.merge_request
    before = (COLUMNS.delivery < delivery) | COLUMNS.delivery.is_(None)
    rows = tx.execute(select(COLUMNS.id, COLUMNS.status).where(*mine, before, COLUMNS.status.in_(OPEN))).all()
    for row in rows:
        if row.status == RunStatus.QUEUED:
            end_run(tx, row.id, RunStatus.CANCELLED, needless.why, at)
        else:
            wish = {"cancel_requested": True, "error": needless.why}
            tx.execute(update(tables.runs).where(is_open(row.id)).values(wish))


def is_open(run_id: int) -> ColumnElement[bool]:
    """Final rows never change: every UPDATE of a run has this in its WHERE."""
    return (COLUMNS.id == run_id) & COLUMNS.status.in_(OPEN)


def run_of(row: Row[Any]) -> Run:
    values = row._asdict()
    return Run(
        **{name: values[name] for name in SAME},
        commit=values["commit_sha"],
        status=RunStatus(values["status"]),
        stages=stages_of(values["stages"]),
    )


def newest_summaries(tx: Connection, places: Collection[Place], limit: int) -> dict[Place, list[RunSummary]]:
    names = ("id", "service", "environment", "status", "finished_at", "error")
    query = select(*(COLUMNS[name] for name in names)).where(COLUMNS.id.in_(newest(tables.runs, tx, limit)))
    found: dict[Place, list[RunSummary]] = {}
    for row in tx.execute(query.order_by(COLUMNS.id.desc()), as_parameter(places)):
        summary = RunSummary(row.id, RunStatus(row.status), row.finished_at, row.error)
        found.setdefault((row.service, row.environment), []).append(summary)
    return found


def with_stage(text: str, stage: Stage) -> str:
    """The stages' text with one of them replaced."""
    return stages_text(tuple(stage if old.name is stage.name else old for old in stages_of(text)))


def stages_of(text: str) -> tuple[Stage, ...]:
    return PLAIN.load(tuple[Stage, ...], text) if text else tuple(Stage(name) for name in StageName)


def stages_text(stages: Sequence[Stage]) -> str:
    return PLAIN.dump(stages)


# Built once: this is the road of every webhook.
NEVER_BEGUN = stages_text([Stage(name, StageStatus.CANCELLED) for name in StageName])
SUPERSEDED = {
    "status": RunStatus.SUPERSEDED,
    "stages": NEVER_BEGUN,
}
# Of one that waited for an approval, what it did before stays, and the rest is cancelled in its text.
PENDING, CANCELLED = (f'"status":"{status}"' for status in (StageStatus.PENDING, StageStatus.CANCELLED))
CUT = case((COLUMNS.stages == "", NEVER_BEGUN), else_=func.replace(COLUMNS.stages, PENDING, CANCELLED))
SUPERSEDE = Ready(
    update(tables.runs)
    .where(COLUMNS.status == RunStatus.QUEUED)
    .where(*(COLUMNS[name] == bindparam(f"at_{name}") for name in tables.RUNS_BESIDE))
    .where(COLUMNS.id < bindparam("newest"))
    .values(
        **SUPERSEDED | {"stages": CUT, "waits": False, "held": ""},
        error=bindparam("why"),
        finished_at=bindparam("now"),
    )
)
BROUGHT = (
    *("service", "environment", "kind", "ref", "commit_sha", "status", "created_at", "requested_by"),
    *("message", "stages", "delivery", "merge_request", "target", "fork"),
)
ADD = ManyRows(insert(tables.runs).returning(COLUMNS.id, sort_by_parameter_order=True), BROUGHT)


def _new_row(new: NewRun, delivery: int | None, at: datetime) -> tuple[Any, ...]:
    """As in `BROUGHT`."""
    return (
        *(new.service, new.environment, new.kind, new.ref, new.commit, RunStatus.QUEUED.value, at),
        *(new.requested_by, new.message, "", delivery, new.merge_request, new.target, new.fork),
    )


def _supersede_older(tx: Connection, newest: Mapping[Beside, int], at: datetime) -> None:
    names = [f"at_{name}" for name in tables.RUNS_BESIDE]
    rows = [
        dict(zip(names, place, strict=True))
        | {"newest": number, "now": at}
        | {"why": f"Run {number}, asked for later, took its place before it began."}
        for place, number in sorted(newest.items())
    ]
    for row in rows:
        SUPERSEDE.run(tx, row)
