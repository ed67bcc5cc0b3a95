"""The few columns that figures are made of. Reads only; decides nothing."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from pipeline.figures.fact import Fact, StageTime
from pipeline.rollout.deployment import Reason, Status
from runners.store import tables
from runners.store.database import Database

DEPLOYMENTS, RUNS = tables.deployments.c, tables.runs.c
COUNTED = (Status.SUCCEEDED, Status.ROLLED_BACK)
REASONS = {reason.value: reason for reason in Reason}
STATUSES = {status.value: status for status in Status}
DONE = ("succeeded", "failed")


class SqlFigures:
    """Implements `pipeline.figures.fact.FigureBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def facts(self, service: str, since: datetime) -> list[Fact]:
        mine = DEPLOYMENTS.service == service, DEPLOYMENTS.created_at >= since
        names = ("id", "environment", "release", "reason", "status")
        back = DEPLOYMENTS.status == Status.ROLLED_BACK
        noticed = func.coalesce(DEPLOYMENTS.failed_at, DEPLOYMENTS.created_at)
        begin = case((back, noticed), else_=func.coalesce(RUNS.committed_at, RUNS.created_at))
        end = func.coalesce(DEPLOYMENTS.good_at, DEPLOYMENTS.finished_at, DEPLOYMENTS.created_at)
        query: Select[Any] = (
            select(*(DEPLOYMENTS[name] for name in names), begin, end)
            .select_from(tables.deployments.outerjoin(tables.runs, RUNS.id == DEPLOYMENTS.run))
            .where(*mine, DEPLOYMENTS.status.in_(COUNTED))
            .order_by(DEPLOYMENTS.id)
        )
        return self._database.read(lambda tx: [_fact(row) for row in tx.execute(query)])

    def stage_times(self, service: str, since: datetime, limit: int = 2000) -> list[StageTime]:
        mine = RUNS.service == service, RUNS.finished_at >= since, RUNS.stages != ""
        query = select(RUNS.stages).where(*mine).order_by(RUNS.id.desc()).limit(limit)
        texts = self._database.read(lambda tx: list(tx.execute(query).scalars()))
        return [time for text in reversed(texts) for time in _times(text)]


def _fact(row: Sequence[Any]) -> Fact:
    number, environment, release, reason, status, begin, end = row
    return Fact(number, environment, release, REASONS[reason], STATUSES[status], begin, end)


def _times(text: str) -> Iterator[StageTime]:
    """Of the stages' JSON only what is needed: the whole noun takes ten times as long."""
    for stage in json.loads(text):
        begin, end = stage["started_at"], stage["finished_at"]
        if begin and end and stage["status"] in DONE:
            finished = datetime.fromisoformat(end)
            yield StageTime(
                stage["name"], finished, (finished - datetime.fromisoformat(begin)).total_seconds()
            )
