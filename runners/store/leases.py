"""Leases, and the check that every guarded write makes: is this fence still the newest of its key?

Rows stay when a lease is given back, so that fences grow for ever.
"""

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Update,
    bindparam,
    cast,
    delete,
    exists,
    literal,
    or_,
    select,
    update,
)

from pipeline.errors import Stopped
from pipeline.lease import Lease
from runners.store import tables
from runners.store.columns import Moment
from runners.store.database import Database

FORGET_AFTER = timedelta(days=30)


class SqlLeases:
    """Implements `pipeline.books.Leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        def work(tx: Connection) -> Lease | None:
            table = tables.leases
            now = self._database.now(tx)
            until = now + timedelta(seconds=ttl)
            insert = self._database.insert(table).values(key=key, owner=owner, fence=1, until=until)
            taken = insert.on_conflict_do_update(
                index_elements=[table.c.key],
                set_={"owner": owner, "fence": table.c.fence + 1, "until": until},
                where=or_(table.c.owner == "", table.c.until <= now),
            ).returning(table.c.fence)
            fence = tx.execute(taken).scalar_one_or_none()
            return None if fence is None else Lease(key, owner, fence, until)

        return self._database.write(work)

    def extend(self, lease: Lease, ttl: float) -> bool:
        def work(tx: Connection) -> bool:
            until = self._database.now(tx) + timedelta(seconds=ttl)
            held = {"held": lease.key, "by": lease.owner, "under": lease.fence}
            return tx.execute(_extension(), {"until": until, **held}).rowcount == 1

        return self._database.write(work)

    def give_back(self, lease: Lease) -> None:
        def work(tx: Connection) -> None:
            now = self._database.now(tx)
            tx.execute(update(tables.leases).where(*_is(lease)).values(owner="", until=now))

        self._database.write(work)

    def tidy(self, now: datetime) -> None:
        """Forget those of runs and deployments long over; their ids never come again."""
        key, until = tables.leases.c.key, tables.leases.c.until
        numbered = or_(key.like("run:%"), key.like("deployment:%"))
        old = delete(tables.leases).where(numbered, until < now - FORGET_AFTER)
        self._database.write(lambda tx: tx.execute(old))


def guard(tx: Connection, lease: Lease) -> None:
    """Raises `Stopped` unless the lease is still ours. Until the transaction ends nobody else can take it."""
    held = select(tables.leases.c.owner, tables.leases.c.fence).where(tables.leases.c.key == lease.key)
    row = tx.execute(held.with_for_update(read=True)).one_or_none()
    if row is None:
        raise Stopped(f"{lease.owner} never held the lease {lease.key}: take it first.")
    if row.fence != lease.fence:
        now_with = f"is with {row.owner}" if row.owner else "was given back by a later owner"
        raise Stopped(
            f"{lease.owner} lost the lease {lease.key}: it {now_with} (fence {row.fence}, ours was {lease.fence}). "
            "Nothing was written; the new owner goes on."
        )
    if row.owner != lease.owner:
        raise Stopped(f"{lease.owner} gave the lease {lease.key} back already. Nothing was written.")


def is_held(prefix: str, number: ColumnElement[int]) -> ColumnElement[bool]:
    """For queries that are given `now`: somebody holds the lease of the thing with this number."""
    table, now = tables.leases.c, bindparam("now", type_=Moment)
    mine = table.key == literal(prefix) + cast(number, String)
    return exists().where(mine, table.owner != "", table.until > now)


@cache
def _extension() -> Update:
    """Every holder asks for it every second: building it anew costs more than the rest."""
    table = tables.leases.c
    mine = table.key == bindparam("held"), table.fence == bindparam("under"), table.owner == bindparam("by")
    return update(tables.leases).where(*mine).values(until=bindparam("until"))


def _is(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    table = tables.leases.c
    return table.key == lease.key, table.fence == lease.fence, table.owner == lease.owner
