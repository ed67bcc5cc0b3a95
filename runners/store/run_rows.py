"""How rows of runs are read, queued and ended. Used inside transactions of several books; opens none itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, insert, select, update

from pipeline.delivery.run import NewRun, Run, RunStatus, Stage, StageName, StageStatus
from pipeline.errors import NotFound
from runners.store import tables
from runners.store.codec import PLAIN
from runners.store.database import Database

OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
UNDECIDED = (StageStatus.PENDING, StageStatus.RUNNING)
COLUMNS = tables.runs.c
SAME = (
    "id", "service", "environment", "kind", "ref", "created_at", "requested_by", "message", "started_at",
    "finished_at", "error", "release", "deployment", "delivery", "attempt", "cancel_requested",
    "waits", "approved_by",
)  # fmt: skip


def queue_runs(
    tx: Connection, database: Database, news: Sequence[tuple[NewRun, int | None]], at: datetime
) -> list[int]:
    """Insert runs, each with its delivery's id. Of each service and environment only the newest stays queued."""
    if not news:
        return []
    places = sorted({(new.service, new.environment) for new, _ in news})
    database.line_up(tx, *places)
    newest = {(new.service, new.environment): index for index, (new, _) in enumerate(news)}
    rows = [_new_row(new, delivery, at) for new, delivery in news]
    for index, row in enumerate(rows):
        if newest[row["service"], row["environment"]] != index:
            row |= SUPERSEDED | {"finished_at": at}
    _supersede_queued(tx, places, at)
    return [int(number) for number in tx.execute(ADD, rows).scalars()]


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
    }
    return tx.execute(update(tables.runs).where(is_open(run_id)).values(values)).rowcount == 1


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
    "error": "A newer commit of this environment came before this run began.",
    "stages": NEVER_BEGUN,
}
# Of one that waited for an approval, what it did before stays, and the rest is cancelled in its text.
PENDING, CANCELLED = (f'"status":"{status}"' for status in (StageStatus.PENDING, StageStatus.CANCELLED))
CUT = case((COLUMNS.stages == "", NEVER_BEGUN), else_=func.replace(COLUMNS.stages, PENDING, CANCELLED))
SUPERSEDE = (
    update(tables.runs)
    .where(COLUMNS.status == RunStatus.QUEUED)
    .where(COLUMNS.service == bindparam("here"), COLUMNS.environment == bindparam("there"))
    .values(**SUPERSEDED | {"stages": CUT, "waits": False}, finished_at=bindparam("at_"))
)
ADD = insert(tables.runs).returning(COLUMNS.id, sort_by_parameter_order=True)


def _new_row(new: NewRun, delivery: int | None, at: datetime) -> dict[str, Any]:
    return {
        "service": new.service,
        "environment": new.environment,
        "kind": new.kind,
        "ref": new.ref,
        "commit_sha": new.commit,
        "status": RunStatus.QUEUED,
        "created_at": at,
        "requested_by": new.requested_by,
        "message": new.message,
        "finished_at": None,
        "error": "",
        "stages": "",
        "delivery": delivery,
    }


def _supersede_queued(tx: Connection, places: Sequence[tuple[str, str]], at: datetime) -> None:
    tx.execute(SUPERSEDE, [{"here": one, "there": other, "at_": at} for one, other in places])
