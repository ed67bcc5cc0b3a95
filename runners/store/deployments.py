"""The book of deployments, their journal, and of what is live where. Decides no step of a rollout.

Requests: people write the `request` column by `ask`, each under a new number; the driver writes everything else by
`save`. A saved record whose request is NONE clears the column only when the newest number is one that the driver has
read (by `requested`, or with the record itself). So a request that comes between a look and its journal survives.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, insert, or_, select

from pipeline.errors import Conflict
from pipeline.lease import Lease
from pipeline.rollout.deployment import (
    ACTIVE,
    FINAL,
    Deployment,
    DeploymentSummary,
    EnvironmentState,
    Happening,
    Request,
    Status,
)
from pipeline.summaries import Place
from runners.store import tables
from runners.store.database import Database
from runners.store.deployment_rows import COLUMNS, DeploymentRows, newest_summaries
from runners.store.leases import guard, is_held

ACTIVE_ROWS = sorted(ACTIVE)


class SqlDeployments:
    """Implements `pipeline.books.Deployments`."""

    def __init__(self, database: Database, rows: DeploymentRows) -> None:
        self._database = database
        self._rows = rows
        self._read: dict[int, int] = {}  # deployment -> number of the newest request this process has read

    def create(self, deployment: Deployment, alone: bool = False) -> int:
        def work(tx: Connection) -> int:
            return self._rows.create(tx, deployment, self._database.now(tx), alone)

        return self._database.write(work)

    def deployment(self, deployment_id: int) -> Deployment:
        return self._database.read(lambda tx: self._rows.of(self._rows.find(tx, deployment_id)))

    def deployments(
        self, service: str = "", environment: str = "", limit: int = 50, before: int = 0
    ) -> list[Deployment]:
        query = select(tables.deployments).order_by(COLUMNS.id.desc()).limit(limit)
        if service:
            query = query.where(COLUMNS.service == service)
        if environment:
            query = query.where(COLUMNS.environment == environment)
        if before:
            query = query.where(COLUMNS.id < before)
        return self._database.read(lambda tx: [self._rows.of(row) for row in tx.execute(query)])

    def counts(self) -> dict[str, int]:
        query = select(COLUMNS.status, func.count()).group_by(COLUMNS.status)
        return self._database.read(lambda tx: {status: number for status, number in tx.execute(query)})

    def active(self, service: str, environment: str) -> Deployment | None:
        def work(tx: Connection) -> Deployment | None:
            row = tx.execute(_active(service, environment)).one_or_none()
            return None if row is None else self._rows.of(row)

        return self._database.read(work)

    def save(self, deployment: Deployment, happenings: Sequence[Happening], lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            row = self._rows.lock(tx, deployment.id)
            self._refuse(tx, deployment, row)
            now = self._database.now(tx)
            saved = deployment
            if deployment.over and deployment.finished_at is None:
                saved = replace(deployment, finished_at=now)
            self._rows.write(tx, saved, **self._obeyed(saved, row), **self._verdict(tx, saved, row, now))
            self._write_down(tx, deployment.id, happenings)
            if saved.over:
                self._rows.end_waiting_run(tx, saved, now)

        self._database.write(work)

    def ask(self, deployment_id: int, request: Request) -> Deployment:
        def work(tx: Connection) -> Deployment:
            self._rows.ask(tx, deployment_id, request, self._database.now(tx))
            return self._rows.of(self._rows.find(tx, deployment_id))

        return self._database.write(work)

    def requested(self, deployment_id: int) -> Request:
        row = self._database.read(lambda tx: self._rows.find(tx, deployment_id))
        self._read[deployment_id] = row.request_no
        return Request(row.request)

    def happenings(self, deployment_id: int, after: int = 0) -> list[tuple[int, Happening]]:
        table = tables.happenings.c
        query = select(tables.happenings).where(table.deployment == deployment_id, table.id > after)

        def work(tx: Connection) -> list[tuple[int, Happening]]:
            rows = tx.execute(query.order_by(table.id))
            return [(row.id, Happening(row.at, row.kind, row.text, row.host)) for row in rows]

        return self._database.read(work)

    def environment(self, service: str, environment: str) -> EnvironmentState:
        return self._database.read(lambda tx: _state(tx, service, environment))

    def environments(self, places: Collection[Place]) -> dict[Place, EnvironmentState]:
        rows = self._database.read(lambda tx: tx.execute(select(tables.environments)).all())
        known = {(row.service, row.environment): row for row in rows}
        return {
            place: _state_of(known[place]) if place in known else EnvironmentState(*place) for place in places
        }

    def under_way(self) -> list[Deployment]:
        open_ = COLUMNS.status.in_([Status.PENDING, *ACTIVE_ROWS])
        query = select(tables.deployments).where(open_).order_by(COLUMNS.id.desc())
        return self._database.read(lambda tx: [self._rows.of(row) for row in tx.execute(query)])

    def newest(self, places: Collection[Place], limit: int) -> dict[Place, list[DeploymentSummary]]:
        return self._database.read(lambda tx: newest_summaries(tx, places, limit))

    def set_replicas(self, service: str, environment: str, replicas: int) -> None:
        self._database.write(lambda tx: self._set(tx, service, environment, replicas=replicas))

    def set_moved(self, service: str, environment: str, moved: Mapping[str, str]) -> None:
        text = json.dumps(dict(moved), sort_keys=True)
        self._database.write(lambda tx: self._set(tx, service, environment, moved=text))

    def good_releases(self, service: str, environment: str) -> list[int]:
        place = COLUMNS.service == service, COLUMNS.environment == environment
        query = (
            select(COLUMNS.release)
            .where(*place, COLUMNS.good_at.is_not(None))
            .group_by(COLUMNS.release)
            .order_by(func.max(COLUMNS.good_at).desc(), func.max(COLUMNS.id).desc())
        )
        return self._database.read(lambda tx: list(tx.execute(query).scalars()))

    def due(self) -> list[int]:
        def work(tx: Connection) -> list[int]:
            return [number for (number,) in tx.execute(_due(), {"now": self._database.now(tx)})]

        return self._database.read(work)

    def at_rest(self) -> bool:
        return not self._database.read(lambda tx: tx.execute(_any_open()).scalar())

    def _refuse(self, tx: Connection, deployment: Deployment, row: Row[Any]) -> None:
        if row.status in FINAL:
            raise Conflict(f"Deployment {row.id} is over already: {row.status}. Nothing was written.")
        if deployment.status not in ACTIVE:
            return
        other = tx.execute(_active(row.service, row.environment).where(COLUMNS.id != row.id)).first()
        if other is not None:
            raise Conflict(
                f"Deployment {other.id} is at work on {row.service}/{row.environment} ({other.status}): "
                f"deployment {row.id} waits for its end."
            )

    def _obeyed(self, deployment: Deployment, row: Row[Any]) -> dict[str, object]:
        seen = max(self._read.get(deployment.id, 0), deployment.request_no)
        newest = deployment.request is Request.NONE and seen >= row.request_no
        return {"request": Request.NONE} if newest else {}

    def _verdict(
        self, tx: Connection, deployment: Deployment, row: Row[Any], now: datetime
    ) -> dict[str, object]:
        """What is live follows the verdict, in the same transaction. Says which columns remember it."""
        place = deployment.service, deployment.environment
        if deployment.status is Status.ROLLED_BACK:
            self._set(tx, *place, live=deployment.previous.number if deployment.previous else None)
        good = deployment.settled or deployment.status is Status.SUCCEEDED
        if good or deployment.over:
            placed = deployment.places(_state(tx, *place).placed)
            self._set(tx, *place, placed=json.dumps(placed))
        if not good or row.good_at is not None:
            return {}
        self._set(tx, *place, live=deployment.release.number, last_good=deployment.release.number)
        self._rows.follow(tx, deployment)
        return {"good_at": now}

    def _set(self, tx: Connection, service: str, environment: str, **values: int | str | None) -> None:
        insert_ = self._database.insert(tables.environments)
        fresh = insert_.values(service=service, environment=environment, **values)
        keys = ["service", "environment"]
        tx.execute(fresh.on_conflict_do_update(index_elements=keys, set_=values))

    def _write_down(self, tx: Connection, deployment_id: int, happenings: Sequence[Happening]) -> None:
        rows = [
            {
                "deployment": deployment_id,
                "at": line.at,
                "kind": line.kind,
                "text": line.text,
                "host": line.host,
            }
            for line in happenings
        ]
        if rows:
            tx.execute(insert(tables.happenings), rows)


def _state(tx: Connection, service: str, environment: str) -> EnvironmentState:
    table = tables.environments.c
    query = select(tables.environments).where(table.service == service, table.environment == environment)
    row = tx.execute(query).one_or_none()
    return EnvironmentState(service, environment) if row is None else _state_of(row)


def _state_of(row: Row[Any]) -> EnvironmentState:
    placed, moved = (json.loads(text or "{}") for text in (row.placed, row.moved))
    return EnvironmentState(
        row.service, row.environment, row.live, row.last_good, row.replicas, placed, moved
    )


def _active(service: str, environment: str) -> Select[Any]:
    place = COLUMNS.service == service, COLUMNS.environment == environment
    return select(tables.deployments).where(*place, COLUMNS.status.in_(ACTIVE_ROWS))


@cache
def _any_open() -> Select[bool]:
    return select(exists().where(COLUMNS.status.in_([Status.PENDING, *ACTIVE_ROWS])))


@cache
def _due() -> Select[int]:
    """Pending with none active beside it, or active; nobody holds it. Oldest first. Asked every second, so built once."""
    other = tables.deployments.alias()
    beside = other.c.service == COLUMNS.service, other.c.environment == COLUMNS.environment
    busy = exists().where(*beside, other.c.status.in_(ACTIVE_ROWS))
    pending = and_(COLUMNS.status == Status.PENDING, ~busy)
    free = ~is_held("deployment:", COLUMNS.id)
    return select(COLUMNS.id).where(or_(pending, COLUMNS.status.in_(ACTIVE_ROWS)), free).order_by(COLUMNS.id)
