"""How rows of deployments are read, created, asked and ended, and how an end reaches the run that waits for it.

Used inside transactions of several books; opens none itself.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, insert, select, update

from pipeline.delivery.run import RunStatus, Stage, StageName, StageStatus
from pipeline.errors import Conflict, NotFound
from pipeline.rollout.deployment import FINAL, Deployment, DeploymentSummary, Request, Status
from pipeline.summaries import Place
from runners.store import tables
from runners.store.codec import Codec
from runners.store.database import Database
from runners.store.newest import as_parameter, newest
from runners.store.run_rows import end_run, find_run, is_open, run_of, stages_text, with_stage

COLUMNS = tables.deployments.c
ENDS = {
    Status.SUCCEEDED: (RunStatus.SUCCEEDED, StageStatus.SUCCEEDED),
    Status.FAILED: (RunStatus.FAILED, StageStatus.FAILED),
    Status.ROLLED_BACK: (RunStatus.FAILED, StageStatus.FAILED),
    Status.SUPERSEDED: (RunStatus.SUPERSEDED, StageStatus.CANCELLED),
    Status.CANCELLED: (RunStatus.CANCELLED, StageStatus.CANCELLED),
}


class DeploymentRows:
    def __init__(self, database: Database, codec: Codec) -> None:
        self._database = database
        self._codec = codec

    def create(self, tx: Connection, deployment: Deployment, now: datetime, alone: bool = False) -> int:
        self._database.line_up(tx, (deployment.service, deployment.environment))
        if alone:
            self._refuse_beside(tx, deployment)
        older = self.pending(tx, deployment.service, deployment.environment)
        row = {
            "service": deployment.service,
            "environment": deployment.environment,
            "created_at": deployment.created_at,
            **self._changing(replace(deployment, status=Status.PENDING)),
        }
        number = int(tx.execute(insert(tables.deployments).values(row).returning(COLUMNS.id)).scalar_one())
        for old in older:
            self.end(tx, old, Status.SUPERSEDED, f"Deployment {number} took its place before it began.", now)
        return number

    def _refuse_beside(self, tx: Connection, deployment: Deployment) -> None:
        place = COLUMNS.service == deployment.service, COLUMNS.environment == deployment.environment
        query = select(COLUMNS.id, COLUMNS.status).where(*place, COLUMNS.status.not_in(sorted(FINAL)))
        other = tx.execute(query).first()
        if other is not None:
            raise Conflict(
                f"Deployment {other.id} of {deployment.service}/{deployment.environment} is {other.status}; "
                f"ask again when it is over: `shipway follow {other.id}` waits."
            )

    def find(self, tx: Connection, deployment_id: int) -> Row[Any]:
        row = tx.execute(select(tables.deployments).where(COLUMNS.id == deployment_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no deployment {deployment_id}. `shipway deployments` lists them.")
        return row

    def lock(self, tx: Connection, deployment_id: int) -> Row[Any]:
        """The row as it stays until the transaction ends."""
        row = self.find(tx, deployment_id)
        if self._database.is_sqlite:
            return row
        self._database.line_up(tx, (row.service, row.environment))
        return self.find(tx, deployment_id)

    def of(self, row: Row[Any]) -> Deployment:
        return replace(
            self._codec.load(Deployment, row.record),
            id=row.id,
            status=Status(row.status),
            request=Request(row.request),
            request_no=row.request_no,
        )

    def pending(self, tx: Connection, service: str, environment: str) -> list[Deployment]:
        place = COLUMNS.service == service, COLUMNS.environment == environment
        rows = tx.execute(select(tables.deployments).where(*place, COLUMNS.status == Status.PENDING))
        return [self.of(row) for row in rows]

    def write(self, tx: Connection, deployment: Deployment, **more: object) -> None:
        """The record over its row, unless that is final."""
        values = self._changing(deployment) | more
        tx.execute(update(tables.deployments).where(is_open_deployment(deployment.id)).values(values))

    def end(self, tx: Connection, deployment: Deployment, status: Status, error: str, now: datetime) -> None:
        over = replace(deployment, status=status, error=error, finished_at=now)
        self.write(tx, over)
        self.end_waiting_run(tx, over, now)

    def ask(self, tx: Connection, deployment_id: int, request: Request, now: datetime) -> None:
        """Requests are numbered, so that obeying one never wipes out the next. Nobody overrules an abort."""
        row = self.lock(tx, deployment_id)
        if row.status in FINAL:
            raise Conflict(
                f"Deployment {deployment_id} is over already: {row.status}. `shipway deployment show {deployment_id}` tells how."
            )
        if request is Request.ABORT and row.status == Status.PENDING:
            self.end(tx, self.of(row), Status.CANCELLED, "Cancelled before it began.", now)
        elif row.request != Request.ABORT:
            values = {"request": request, "request_no": row.request_no + 1}
            tx.execute(update(tables.deployments).where(is_open_deployment(deployment_id)).values(values))
        elif request is not Request.ABORT:
            raise Conflict(f"Deployment {deployment_id} is being aborted already; it ends soon.")

    def end_waiting_run(self, tx: Connection, deployment: Deployment, now: datetime) -> None:
        """The run follows its deployment: deploy stage and status alike."""
        if deployment.run is None:
            return
        run = run_of(find_run(tx, deployment.run))
        if run.deployment != deployment.id:
            return
        run_status, stage_status = ENDS[deployment.status]
        error = deployment.error
        if run_status is RunStatus.FAILED and not error:
            error = f"Deployment {deployment.id} ended {deployment.status}."
        began = run.stage(StageName.DEPLOY)
        deploy = Stage(StageName.DEPLOY, stage_status, began.started_at, now, error, began.detail)
        stages = with_stage(stages_text(run.stages), deploy)
        tx.execute(update(tables.runs).where(is_open(run.id)).values(stages=stages))
        end_run(tx, run.id, run_status, error, now)

    def follow(self, tx: Connection, good: Deployment) -> None:
        """A failure goes back to what is good when the deployment begins, not to what was when it was drafted."""
        for waiting in self.pending(tx, good.service, good.environment):
            self.write(tx, waiting.after(good))

    def _changing(self, deployment: Deployment) -> dict[str, object]:
        return {
            "release": deployment.release.number,
            "status": deployment.status,
            "run": deployment.run,
            "finished_at": deployment.finished_at,
            "reason": deployment.reason,
            "failed_at": deployment.failed_at,
            "record": self._codec.dump(deployment),
        }


def is_open_deployment(deployment_id: int) -> ColumnElement[bool]:
    """Final rows never change: every UPDATE of a deployment has this in its WHERE."""
    return (COLUMNS.id == deployment_id) & COLUMNS.status.not_in(sorted(FINAL))


def newest_summaries(
    tx: Connection, places: Collection[Place], limit: int
) -> dict[Place, list[DeploymentSummary]]:
    """Records are read as far as they are needed: to build all of many takes the most of a second."""
    names = ("id", "service", "environment", "release", "status", "created_at", "finished_at")
    record = case((COLUMNS.status == Status.SUCCEEDED, "{}"), else_=COLUMNS.record).label("record")
    columns: list[ColumnElement[Any]] = [*(COLUMNS[name] for name in names), record]
    query = (
        select(*columns)
        .where(COLUMNS.id.in_(newest(tables.deployments, tx, limit)))
        .order_by(COLUMNS.id.desc())
    )
    found: dict[Place, list[DeploymentSummary]] = {}
    for row in tx.execute(query, as_parameter(places)):
        found.setdefault((row.service, row.environment), []).append(_summary(row))
    return found


def _summary(row: Row[Any]) -> DeploymentSummary:
    record, status = json.loads(row.record), Status(row.status)
    good = status is Status.SUCCEEDED or bool(record.get("settled"))
    error = record.get("error", "")
    return DeploymentSummary(row.id, row.release, status, row.created_at, row.finished_at, good, error)
