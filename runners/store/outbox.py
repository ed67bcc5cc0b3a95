"""The book of what forges are still to be told, and how far they were. Rows come by triggers (migration 0004), in the
transaction of the change itself. Sends nothing."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, exists, func, or_, select

from pipeline.delivery.run import OVER
from pipeline.lease import Lease
from pipeline.reports.report import Message, Noun, Said, Trouble
from pipeline.rollout.deployment import FINAL
from runners.store import tables, told_tables
from runners.store.codec import PLAIN
from runners.store.database import Database
from runners.store.leases import guard

OUTBOX, REPORTS = told_tables.outbox.c, told_tables.reports.c
TROUBLE_FOR = timedelta(days=7)
KEEP_FOR = timedelta(days=30)


class SqlOutbox:
    """Implements `pipeline.reports.desk.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, now: datetime, limit: int = 500) -> list[Message]:
        query = _waiting(now).limit(limit)
        return self._database.read(lambda tx: [_message(row) for row in tx.execute(query)])

    def next_try(self, now: datetime) -> datetime | None:
        query = select(func.min(REPORTS.retry_at)).where(REPORTS.retry_at > now)
        return self._database.read(lambda tx: tx.execute(query).scalar())

    def save(self, message: Message, over: bool, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            values = {
                "service": message.service,
                "said": PLAIN.dump(message.said),
                "tries": message.tries,
                "retry_at": message.retry_at,
                "error": message.error,
                "at": self._database.now(tx),
            }
            row = self._database.insert(told_tables.reports)
            fresh = row.values(noun=message.noun, number=message.number, **values)
            tx.execute(fresh.on_conflict_do_update(index_elements=["noun", "number"], set_=values))
            if over:
                tx.execute(_covered(message))

        self._database.write(work)

    def drop(self, message: Message, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            tx.execute(_covered(message))

        self._database.write(work)

    def busy(self) -> bool:
        open_run = exists().where(tables.runs.c.status.not_in(sorted(OVER)))
        open_deployment = exists().where(tables.deployments.c.status.not_in(sorted(FINAL)))
        return self._database.read(
            lambda tx: bool(tx.execute(select(or_(open_run, open_deployment))).scalar())
        )

    def troubles(self) -> list[Trouble]:
        newest = (
            select(REPORTS.service, func.max(REPORTS.at).label("at")).group_by(REPORTS.service).subquery()
        )
        last = and_(REPORTS.service == newest.c.service, REPORTS.at == newest.c.at, REPORTS.error != "")

        def work(tx: Connection) -> list[Trouble]:
            since = self._database.now(tx) - TROUBLE_FOR
            rows = tx.execute(select(told_tables.reports).join(newest, last).where(REPORTS.at >= since))
            return [
                Trouble(row.service, Noun(row.noun), row.number, row.at, row.error, row.retry_at is None)
                for row in rows
            ]

        return self._database.read(work)

    def tidy(self, now: datetime, reported: bool) -> None:
        """Let go of what forges took long ago and, when none is `reported` to, of all that nobody will send."""

        def work(tx: Connection) -> None:
            tx.execute(
                delete(told_tables.reports).where(REPORTS.at < now - KEEP_FOR, REPORTS.retry_at.is_(None))
            )
            if not reported:
                tx.execute(delete(told_tables.outbox))

        self._database.write(work)


def _waiting(now: datetime) -> Select[Any]:
    resting = select(REPORTS.service).where(REPORTS.retry_at > now)
    changes = (
        select(
            OUTBOX.noun,
            OUTBOX.number,
            OUTBOX.service,
            func.max(OUTBOX.id).label("change"),
            func.min(OUTBOX.at).label("since"),
        )
        .where(OUTBOX.service.not_in(resting))
        .group_by(OUTBOX.noun, OUTBOX.number, OUTBOX.service)
        .subquery()
    )
    same = and_(changes.c.noun == REPORTS.noun, changes.c.number == REPORTS.number)
    said = (REPORTS.said, REPORTS.tries, REPORTS.retry_at, REPORTS.error)
    return select(changes, *said).join(told_tables.reports, same, isouter=True).order_by(changes.c.change)


def _message(row: Row[Any]) -> Message:
    return Message(
        noun=Noun(row.noun),
        number=row.number,
        change=row.change,
        service=row.service,
        said=PLAIN.load(dict[str, Said], row.said) if row.said else {},
        tries=row.tries or 0,
        retry_at=row.retry_at,
        since=row.since,
        error=row.error or "",
    )


def _covered(message: Message) -> Any:
    """Changes that came since it was read stay."""
    mine = OUTBOX.noun == message.noun, OUTBOX.number == message.number
    return delete(told_tables.outbox).where(*mine, OUTBOX.id <= message.change)
