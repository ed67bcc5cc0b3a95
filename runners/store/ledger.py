"""How deliveries are looked up: a list with its filters, and one with all that is kept of it. Writes nothing."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, or_, select

from pipeline.errors import NotFound
from pipeline.intake.inbox import Delivery, Kept, Outcome, Wanted
from runners.store import tables
from runners.store.bodies import unpacked

COLUMNS, RUNS = tables.deliveries.c, tables.runs.c
LISTED = (
    *(COLUMNS.id, COLUMNS.forge, COLUMNS.key, COLUMNS.event, COLUMNS.project, COLUMNS.received_at),
    *(COLUMNS.ignored, COLUMNS.services, COLUMNS.replay_of),
)


def find_deliveries(tx: Connection, limit: int, before: int, wanted: Wanted) -> list[Delivery]:
    query = select(*LISTED).where(*_conditions(before, wanted)).order_by(COLUMNS.id.desc()).limit(limit)
    rows = tx.execute(query).all()
    runs = _runs_of(tx, [row.id for row in rows])
    return [_delivery(row, runs[row.id]) for row in rows]


def find_delivery(tx: Connection, number: int) -> Kept:
    row = _row(tx, number)
    origin = row if row.replay_of is None else _row(tx, row.replay_of)
    query = select(COLUMNS.id).where(COLUMNS.replay_of == origin.id).order_by(COLUMNS.id)
    return Kept(
        _delivery(row, _runs_of(tx, [row.id])[row.id]),
        json.loads(origin.headers) if origin.headers else {},
        None if origin.body is None else unpacked(origin.body),
        tuple(tx.execute(query).scalars()),
    )


def _row(tx: Connection, number: int) -> Row[Any]:
    row = tx.execute(select(tables.deliveries).where(COLUMNS.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"There is no delivery {number}. `shipway deliveries` lists them.")
    return row


def _conditions(before: int, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if before:
        yield COLUMNS.id < before
    if wanted.forge:
        yield COLUMNS.forge == wanted.forge
    if wanted.service:
        yield COLUMNS.services.contains(json.dumps(wanted.service), autoescape=True)
    if wanted.outcome:
        yield COLUMNS.ignored != "" if wanted.outcome == Outcome.IGNORED else COLUMNS.ignored == ""
    if wanted.text:
        own = (COLUMNS.key, COLUMNS.event, COLUMNS.project, COLUMNS.ignored)
        of_runs = (RUNS.ref, RUNS.commit_sha, RUNS.requested_by, RUNS.message)
        run = exists().where(RUNS.delivery == COLUMNS.id, or_(*_say(of_runs, wanted.text)))
        yield or_(*_say(own, wanted.text), run)


def _say(columns: Sequence[ColumnElement[str]], text: str) -> Iterator[ColumnElement[bool]]:
    return (column.icontains(text, autoescape=True) for column in columns)


def _delivery(row: Any, runs: tuple[int, ...]) -> Delivery:
    services = tuple(json.loads(row.services)) if row.services else ()
    return Delivery(
        row.id,
        row.forge,
        row.key,
        row.event,
        row.project,
        row.received_at,
        runs,
        row.ignored,
        services,
        row.replay_of,
    )


def _runs_of(tx: Connection, deliveries: Sequence[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = dict.fromkeys(deliveries, ())
    query = select(RUNS.delivery, RUNS.id).where(RUNS.delivery.in_(deliveries)).order_by(RUNS.id)
    for row in tx.execute(query):
        found[row.delivery] += (row.id,)
    return found
