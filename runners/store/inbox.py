"""The book of deliveries: the row is inbox and outbox in one. Durable before it returns; verifies no signature.

A batch of deliveries costs a handful of statements, however many they are.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, select, update

from pipeline.books import EVERYTHING
from pipeline.intake.inbox import ANSWER_WITHIN, Delivery, Kept, NewDelivery, Received, Wanted
from pipeline.intake.sight import Comparison, Sight, Trouble
from runners.store import tables
from runners.store.columns import clean
from runners.store.database import Database
from runners.store.group_commit import GroupCommit
from runners.store.heads import HeadRows
from runners.store.ledger import find_deliveries, find_delivery
from runners.store.run_rows import cancel_needless, queue_runs
from runners.store.sights import SightRows

HIDDEN = frozenset({"x-gitlab-token", "authorization", "cookie", "proxy-authorization"})
KEEP_BODIES = 10_000
KEEP_BODIES_FOR = timedelta(days=30)
TIDY_STEP = 500  # rows a transaction: nobody waits long for the lock

COLUMNS, RUNS = tables.deliveries.c, tables.runs.c
Story = tuple[
    str, str, dict[tuple[str, str], tuple[str, str]]
]  # event, project, ref and commit of each place


class SqlInbox:
    """Implements `pipeline.books.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        unique = [COLUMNS.forge, COLUMNS.key]
        self._add = (
            database.insert(tables.deliveries)
            .on_conflict_do_nothing(index_elements=unique)
            .returning(COLUMNS.id, *unique)
        )
        self._heads = HeadRows(database)
        self._sights = SightRows(database, self._heads, self._deliver)
        self._group = GroupCommit(self._receive_all, ANSWER_WITHIN)

    def receive(self, delivery: NewDelivery) -> Received:
        return self._group.write((delivery, zlib.compress(delivery.body, 1)))

    def receive_later(self, delivery: NewDelivery, then: Callable[[Received | BaseException], None]) -> None:
        self._group.later((delivery, zlib.compress(delivery.body, 1)), then)

    def deliveries(self, limit: int = 50, before: int = 0, wanted: Wanted = EVERYTHING) -> list[Delivery]:
        return self._database.read(lambda tx: find_deliveries(tx, limit, before, wanted))

    def delivery(self, number: int) -> Kept:
        return self._database.read(lambda tx: find_delivery(tx, number))

    def sight(self, service: str) -> Sight:
        return self._sights.sight(service)

    def saw(self, sight: Sight, found: Comparison, delivery: NewDelivery | None) -> Received | None:
        return self._sights.saw(sight, found, delivery)

    def trouble(self, service: str, reason: str) -> None:
        self._sights.trouble(service, reason)

    def troubles(self) -> dict[str, Trouble]:
        return self._sights.troubles()

    def close(self) -> None:
        self._group.close()

    def tidy(self, now: datetime) -> None:
        """Let go of old bodies and headers. The rows stay, so that a redelivery is still known."""
        while self._database.write(lambda tx: self._drop_bodies(tx, now)):
            pass

    def _receive_all(self, batch: Sequence[tuple[NewDelivery, bytes]]) -> list[Received]:
        return self._database.write(lambda tx: self._store(tx, batch))

    def _store(self, tx: Connection, batch: Sequence[tuple[NewDelivery, bytes]]) -> list[Received]:
        now = self._database.now(tx)
        first: dict[tuple[str, str], tuple[NewDelivery, bytes]] = {}
        for delivery, body in batch:
            first.setdefault(_key(delivery), (delivery, body))
        ids = self._insert(tx, list(first.values()), now)
        new = self._told(tx, {key: (ids[key], first[key][0]) for key in first if key in ids})
        answers = self._queue(tx, new, now)
        known = _known(tx, [key for key in first if key not in ids]) | {
            key: (replace(answer, duplicate=True), _story(first[key][0])) for key, answer in answers.items()
        }
        return [
            answers.pop(key) if (key := _key(delivery)) in answers else _again(delivery, *known[key])
            for delivery, _ in batch
        ]

    def _told(
        self, tx: Connection, new: dict[tuple[str, str], tuple[int, NewDelivery]]
    ) -> dict[tuple[str, str], tuple[int, NewDelivery]]:
        """Without the runs that a look at the repository had started; the row says so."""
        told = self._heads.tell(tx, [delivery for _, delivery in new.values()])
        for (number, delivery), after in zip(new.values(), told, strict=True):
            if after.ignored != delivery.ignored:
                row = update(tables.deliveries).where(COLUMNS.id == number)
                tx.execute(row.values(ignored=after.ignored))
        return {key: (number, after) for (key, (number, _)), after in zip(new.items(), told, strict=True)}

    def _deliver(self, tx: Connection, delivery: NewDelivery, now: datetime) -> Received | None:
        """Of a look: inside its own transaction."""
        ids = self._insert(tx, [(delivery, zlib.compress(delivery.body, 1))], now)
        new = {key: (number, delivery) for key, number in ids.items()}
        return self._queue(tx, new, now).get(_key(delivery))

    def _queue(
        self, tx: Connection, new: Mapping[tuple[str, str], tuple[int, NewDelivery]], now: datetime
    ) -> dict[tuple[str, str], Received]:
        """The runs of what is new, all in one go."""
        wanted = [(run, number) for number, delivery in new.values() for run in delivery.runs]
        queued = queue_runs(tx, self._database, wanted, now)
        newest = {
            (run.service, run.environment): number for (run, _), number in zip(wanted, queued, strict=True)
        }
        fresh, left = frozenset(newest.values()), iter(queued)
        answers = {}
        for key, (number, delivery) in new.items():
            runs = tuple(islice(left, len(delivery.runs)))
            waking = tuple(run for run in runs if run in fresh)
            answers[key] = Received(number, runs, delivery.ignored, fresh=waking)
        for number, delivery in new.values():
            for needless in delivery.needless:
                cancel_needless(tx, self._database, needless, number, now)
        self._note(tx, new, answers, now)
        return answers

    def _note(
        self,
        tx: Connection,
        new: Mapping[tuple[str, str], tuple[int, NewDelivery]],
        answers: Mapping[tuple[str, str], Received],
        now: datetime,
    ) -> None:
        lines = [
            {
                "at": now,
                "actor": delivery.actor,
                "action": delivery.action,
                "target": delivery.project,
                "detail": _outcome(answers[key]),
            }
            for key, (_, delivery) in new.items()
            if delivery.actor
        ]
        if lines:
            tx.execute(insert(tables.audit), lines)

    def _insert(
        self, tx: Connection, batch: Sequence[tuple[NewDelivery, bytes]], now: datetime
    ) -> dict[tuple[str, str], int]:
        """Ids of those that were not here yet."""
        rows = tx.execute(self._add, [_row(delivery, body, now) for delivery, body in batch])
        return {(row.forge, row.key): row.id for row in rows}

    def _drop_bodies(self, tx: Connection, now: datetime) -> int:
        newest = select(COLUMNS.id).order_by(COLUMNS.id.desc()).offset(KEEP_BODIES).limit(1)
        beyond = tx.execute(newest).scalar_one_or_none() or 0
        old = (COLUMNS.id <= beyond) | (COLUMNS.received_at < now - KEEP_BODIES_FOR)
        some = select(COLUMNS.id).where(COLUMNS.body.is_not(None), old).limit(TIDY_STEP)
        done = tx.execute(update(tables.deliveries).where(COLUMNS.id.in_(some)).values(body=None, headers=""))
        return done.rowcount


def _key(delivery: NewDelivery) -> tuple[str, str]:
    return clean(delivery.forge), clean(delivery.key)


def _outcome(received: Received) -> str:
    if received.runs:
        return f"runs {', '.join(map(str, received.runs))}"
    return f"ignored: {received.ignored}"


def _row(delivery: NewDelivery, body: bytes, now: datetime) -> dict[str, Any]:
    return {
        "forge": delivery.forge,
        "key": delivery.key,
        "event": delivery.event,
        "project": delivery.project,
        "headers": json.dumps(_shown(delivery.headers)),
        "body": body,
        "ignored": delivery.ignored,
        "services": json.dumps(delivery.services),
        "replay_of": delivery.replay_of,
        "received_at": now,
    }


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    """GitLab's token header is the secret itself: it is never stored."""
    return {name: "***" if name.lower() in HIDDEN else value for name, value in headers.items()}


def _known(tx: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[Received, Story]]:
    """What was answered the first time. One look-up a key: SQLite scans the table for a list of pairs."""
    found = {}
    for forge, key in keys:
        query = select(COLUMNS.id, COLUMNS.ignored, COLUMNS.event, COLUMNS.project)
        row = tx.execute(query.where(COLUMNS.forge == forge, COLUMNS.key == key)).one()
        runs = tx.execute(
            select(RUNS.id, RUNS.service, RUNS.environment, RUNS.ref, RUNS.commit_sha)
            .where(RUNS.delivery == row.id)
            .order_by(RUNS.id)
        ).all()
        moved = {(run.service, run.environment): (run.ref, run.commit_sha) for run in runs}
        received = Received(row.id, tuple(run.id for run in runs), row.ignored, duplicate=True)
        found[forge, key] = (received, (row.event, row.project, moved))
    return found


def _story(delivery: NewDelivery) -> Story:
    moved = {(run.service, run.environment): (run.ref, run.commit) for run in delivery.runs}
    return clean(delivery.event), clean(delivery.project), moved


def _again(delivery: NewDelivery, first: Received, told: Story) -> Received:
    """Bytes may differ, GitLab blanks mail addresses in what it sends again; environments come and go in between."""
    event, project, moved = _story(delivery)
    both = moved.keys() & told[2].keys()
    same = (event, project) == told[:2] and all(moved[place] == told[2][place] for place in both)
    return replace(first, changed=not same)
