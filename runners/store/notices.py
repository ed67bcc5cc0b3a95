"""The book of notices. Moments come by triggers (migration 0009), in the transaction of the change itself. Sends nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Select,
    Update,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from pipeline.delivery.run import OVER
from pipeline.lease import Lease
from pipeline.notices.notice import Draft, Fate, Moment, Notice
from pipeline.rollout.deployment import FINAL
from pipeline.traces.trace import TARGET
from runners.store import tables, told_tables
from runners.store.database import Database
from runners.store.leases import guard

MOMENTS, NOTICES = told_tables.moments.c, told_tables.notices.c
KEEP_FOR = timedelta(days=30)
SHOWN = tuple(column for column in NOTICES if column.name not in ("fold", "message"))


class SqlNotices:
    """Implements `pipeline.notices.book.NoticeBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def moments(self, limit: int = 200) -> list[Moment]:
        query = select(told_tables.moments).order_by(MOMENTS.id).limit(limit)
        return self._database.read(lambda tx: [Moment(**row._asdict()) for row in tx.execute(query)])

    def note(self, kind: str, service: str, why: str, name: str = "") -> None:
        def work(tx: Connection) -> None:
            row = {"kind": kind, "service": service, "why": why, "name": name, "at": self._database.now(tx)}
            tx.execute(insert(told_tables.moments).values(row))

        self._database.write(work)

    def accept(self, moment: Moment, drafts: Sequence[Draft], lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            gone = tx.execute(delete(told_tables.moments).where(MOMENTS.id == moment.id)).rowcount
            for draft in drafts if gone else ():
                if not _joined(tx, draft):
                    tx.execute(insert(told_tables.notices).values(_fresh(tx, draft)))

        self._database.write(work)

    def due(self, now: datetime, limit: int = 500) -> list[Notice]:
        query = select(*SHOWN).where(NOTICES.fate == Fate.WAITING, NOTICES.due_at <= now)
        return self._read(query.order_by(NOTICES.id).limit(limit))

    def next_due(self) -> datetime | None:
        query = select(func.min(NOTICES.due_at)).where(NOTICES.fate == Fate.WAITING)
        return self._database.read(lambda tx: tx.execute(query).scalar())

    def sent_since(self, target: str, since: datetime) -> int:
        mine = NOTICES.target == target, NOTICES.sent_at > since
        query = select(func.count(NOTICES.message.distinct())).where(*mine)
        return int(self._database.read(lambda tx: tx.execute(query).scalar()) or 0)

    def sent(self, notices: Sequence[Notice], at: datetime, lease: Lease) -> None:
        if notices[0].target == TARGET:  # a trace: the collector keeps it, and it is large
            self._write(lease, delete(told_tables.notices).where(_these(notices)))
        else:
            self._change(notices, lease, fate=Fate.SENT, sent_at=at, error="", message=notices[0].id)

    def put_off(self, notices: Sequence[Notice], until: datetime, error: str, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            tried = {"tries": NOTICES.tries + 1, "error": error} if error else {}
            tx.execute(update(told_tables.notices).where(_these(notices)).values(due_at=until, **tried))
            beside = NOTICES.target == notices[0].target, NOTICES.fate == Fate.WAITING
            tx.execute(
                update(told_tables.notices).where(*beside, NOTICES.due_at < until).values(due_at=until)
            )

        self._database.write(work)

    def bury(self, notices: Sequence[Notice], error: str, lease: Lease) -> None:
        self._change(notices, lease, fate=Fate.DEAD, error=error)

    def notices(self, limit: int = 50, before: int = 0, fate: str = "") -> list[Notice]:
        query = select(*SHOWN).order_by(NOTICES.id.desc()).limit(limit)
        if fate:
            query = query.where(NOTICES.fate == fate)
        return self._read(query.where(NOTICES.id < before) if before else query)

    def depth(self) -> dict[str, int]:
        open_ones = NOTICES.fate.in_((Fate.WAITING, Fate.DEAD))
        query = select(NOTICES.fate, func.count()).where(open_ones).group_by(NOTICES.fate)
        return self._database.read(lambda tx: {fate: number for fate, number in tx.execute(query)})

    def busy(self) -> bool:
        open_run = exists().where(tables.runs.c.status.not_in(sorted(OVER)), ~tables.runs.c.waits)
        open_deployment = exists().where(tables.deployments.c.status.not_in(sorted(FINAL)))
        query = select(or_(open_run, open_deployment))
        return self._database.read(lambda tx: bool(tx.execute(query).scalar()))

    def tidy(self, now: datetime, listened: bool) -> None:
        """Let go of what is over and, when nobody is told anything, of all that nobody will judge."""

        def work(tx: Connection) -> None:
            over = NOTICES.fate != Fate.WAITING, NOTICES.at < now - KEEP_FOR
            tx.execute(delete(told_tables.notices).where(*over))
            if not listened:
                tx.execute(delete(told_tables.moments))

        self._database.write(work)

    def _change(self, notices: Sequence[Notice], lease: Lease, **values: object) -> None:
        self._write(lease, update(told_tables.notices).where(_these(notices)).values(**values))

    def _write(self, lease: Lease, change: Update | Delete) -> None:
        def work(tx: Connection) -> None:
            guard(tx, lease)
            tx.execute(change)

        self._database.write(work)

    def _read(self, query: Select[tuple[object, ...]]) -> list[Notice]:
        def work(tx: Connection) -> list[Notice]:
            rows: Iterable[dict[str, object]] = (row._asdict() for row in tx.execute(query))
            return [Notice(**row | {"fate": Fate(str(row["fate"]))}) for row in rows]  # type: ignore[arg-type]

        return self._database.read(work)


def _these(notices: Sequence[Notice]) -> ColumnElement[bool]:
    return NOTICES.id.in_([notice.id for notice in notices])


def _joined(tx: Connection, draft: Draft) -> bool:
    """The one that waits says the newest, and how many it stands for."""
    if not draft.fold:
        return False
    same = NOTICES.target == draft.target, NOTICES.rule == draft.rule, NOTICES.fold == draft.fold
    values = {"count": NOTICES.count + 1, "body": draft.body, "event": draft.event}
    waiting = update(told_tables.notices).where(*same, NOTICES.fate == Fate.WAITING)
    return bool(tx.execute(waiting.values(values)).rowcount)


def _fresh(tx: Connection, draft: Draft) -> dict[str, object]:
    due = draft.not_before
    if draft.fold:
        same = NOTICES.target == draft.target, NOTICES.rule == draft.rule, NOTICES.fold == draft.fold
        last = tx.execute(select(func.max(NOTICES.sent_at)).where(*same)).scalar()
        if last is not None:
            due = max(due, last + timedelta(seconds=draft.window))
    names = ("rule", "target", "event", "subject", "fold", "body", "at", "held")
    return {name: getattr(draft, name) for name in names} | {"due_at": due, "fate": Fate.WAITING}
