"""The book of looks at repositories: each look that changed something is one version, and each version is written once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from pipeline.delivery.run import NewRun
from pipeline.intake.inbox import NewDelivery, Received
from pipeline.intake.sight import Comparison, Move, Sight, Trouble
from runners.store import tables
from runners.store.database import Database
from runners.store.heads import Head, HeadRows, place_of

COLUMNS, RUNS = tables.sights.c, tables.runs.c
BY_HAND = "somebody had started this commit by hand"
Deliver = Callable[[Connection, NewDelivery, datetime], Received | None]  # None: its key is taken


class SightRows:
    """The looks' part of `pipeline.books.Inbox`."""

    def __init__(self, database: Database, heads: HeadRows, deliver: Deliver) -> None:
        self._database = database
        self._heads = heads
        self._deliver = deliver

    def sight(self, service: str) -> Sight:
        def work(tx: Connection) -> Sight:
            row = _row(tx, service)
            heads = {ref: head.commit for ref, head in self._heads.of(tx, service).items()}
            if row is None:
                return Sight(service, heads=heads)
            return Sight(service, row.version, row.address, tuple(json.loads(row.bound)), heads, row.trouble)

        return self._database.read(work)

    def saw(self, sight: Sight, found: Comparison, delivery: NewDelivery | None) -> Received | None:
        def work(tx: Connection) -> Received | None:
            self._database.line_up(tx, ("heads", sight.service))
            row = _row(tx, sight.service)
            if (row.version if row else 0) != sight.version:
                return None
            if row and row.address not in ("", sight.address):
                self._heads.forget(tx, sight.service)
                self._write(tx, sight, {move.ref: Head(move.commit) for move in found.noted})
                return None
            return self._settle(tx, sight, found, delivery)

        return self._database.write(work)

    def trouble(self, service: str, reason: str) -> None:
        def work(tx: Connection) -> None:
            fresh = {"service": service, "version": 0, "bound": "[]"}
            tx.execute(self._database.insert(tables.sights).values(fresh).on_conflict_do_nothing())
            mine = update(tables.sights).where(COLUMNS.service == service)
            tx.execute(mine.where(COLUMNS.trouble == "").values(trouble_since=self._database.now(tx)))
            tx.execute(mine.values(trouble=reason))

        self._database.write(work)

    def troubles(self) -> dict[str, Trouble]:
        query = select(tables.sights).where(COLUMNS.trouble != "")
        rows = self._database.read(lambda tx: tx.execute(query).all())
        return {row.service: Trouble(row.trouble, row.trouble_since) for row in rows}

    def _settle(
        self, tx: Connection, sight: Sight, found: Comparison, delivery: NewDelivery | None
    ) -> Received | None:
        """Of the moves those whose ref is where it was: what webhooks told since then is theirs."""
        now = self._heads.of(tx, sight.service)
        noted = [move for move in found.noted if _holds(move, now)]
        missed = [move for move in found.missed if _holds(move, now)]
        received = None
        if delivery and missed:
            received = self._deliver(tx, _without(tx, delivery, missed), self._database.now(tx))
            if received is None:
                return None
        look = received.id if received else None
        heads = {move.ref: Head(move.commit) for move in noted}
        heads |= {move.ref: Head(move.commit, move.before, look) for move in missed}
        self._write(tx, sight, heads)
        return received

    def _write(self, tx: Connection, sight: Sight, heads: dict[str, Head]) -> None:
        self._heads.put(tx, {(sight.service, ref): head for ref, head in heads.items()})
        values = {
            "version": sight.version + 1,
            "address": sight.address,
            "bound": json.dumps(sight.bound),
            "trouble": "",
            "trouble_since": None,
        }
        insert = self._database.insert(tables.sights).values(service=sight.service, **values)
        tx.execute(insert.on_conflict_do_update(index_elements=[COLUMNS.service], set_=values))


def _row(tx: Connection, service: str) -> Row[Any] | None:
    return tx.execute(select(tables.sights).where(COLUMNS.service == service)).one_or_none()


def _holds(move: Move, now: dict[str, Head]) -> bool:
    return now.get(move.ref, Head()).commit == move.before


def _without(tx: Connection, delivery: NewDelivery, missed: Sequence[Move]) -> NewDelivery:
    """The delivery with the runs for what is missed still, and which nobody started by hand."""
    places = {(move.service, move.ref) for move in missed}
    wanted = [run for run in delivery.runs if place_of(run) in places]
    runs = tuple(run for run in wanted if not _is_newest(tx, run))
    return replace(delivery, runs=runs, ignored="" if runs else delivery.ignored or BY_HAND)


def _is_newest(tx: Connection, run: NewRun) -> bool:
    place = RUNS.service == run.service, RUNS.environment == run.environment
    query = select(RUNS.kind, RUNS.ref, RUNS.commit_sha).where(*place).order_by(RUNS.id.desc()).limit(1)
    return tx.execute(query).one_or_none() == (run.kind, run.ref, run.commit)
