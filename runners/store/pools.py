"""The book of pools. An order is sealed, since it holds a token with which a machine joins."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from pipeline.errors import NotFound
from pipeline.lease import Lease
from pipeline.pools.order import Order
from pipeline.pools.pool import Machine, State, Wanted
from pipeline.secret import Secret
from runners.store.database import Database
from runners.store.leases import guard
from runners.store.pool_tables import pool_machines, pool_wants
from runners.store.seal import Seal

MACHINE, WANT = pool_machines.c, pool_wants.c
KEEPS_ORDER = (State.WISHED, State.LAUNCHING)
FIXED = ("pool", "wish", "wished_at")


class SqlPools:
    """Implements `pipeline.pools.book.Pools`."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def want(self, pool: str, machines: int, why: str, by: str, forced: bool = False) -> Wanted:
        def work(tx: Connection) -> Wanted:
            wanted = Wanted(pool, machines, why, by, self._database.now(tx), forced)
            values = asdict(wanted)
            row = self._database.insert(pool_wants).values(values)
            tx.execute(row.on_conflict_do_update(index_elements=[WANT.pool], set_=values))
            return wanted

        return self._database.write(work)

    def wanted(self, pool: str) -> Wanted | None:
        query = select(pool_wants).where(WANT.pool == pool)
        row = self._database.read(lambda tx: tx.execute(query).one_or_none())
        return None if row is None else Wanted(**row._asdict())

    def settle(self, pool: str) -> None:
        forced = update(pool_wants).where(WANT.pool == pool, WANT.forced).values(forced=False)
        self._database.write(lambda tx: tx.execute(forced))

    def machines(self, pool: str = "") -> Sequence[Machine]:
        found = _of(pool, MACHINE.state != State.GONE.value).order_by(MACHINE.id)
        return self._read(found)

    def past(self, pool: str, limit: int = 20) -> Sequence[Machine]:
        found = _of(pool, MACHINE.state == State.GONE.value).order_by(MACHINE.since.desc(), MACHINE.id.desc())
        return self._read(found.limit(limit))

    def wish(self, machine: Machine, order: Order, lease: Lease) -> Machine:
        values = _values(machine) | {"sealed": self._seal.shut(_text(order))}

        def work(tx: Connection) -> int:
            guard(tx, lease)
            number: int = tx.execute(insert(pool_machines).values(values).returning(MACHINE.id)).scalar_one()
            return number

        return replace(machine, id=self._database.write(work))

    def order(self, machine: int) -> Order:
        query = select(MACHINE.sealed).where(MACHINE.id == machine)
        sealed = self._database.read(lambda tx: tx.execute(query).scalar_one_or_none())
        if not sealed:
            raise NotFound(f"The order of machine {machine} is not kept: it is known, or was given up.")
        return _order(self._seal.open(sealed))

    def save(self, machine: Machine, lease: Lease) -> None:
        values = {name: value for name, value in _values(machine).items() if name not in FIXED}
        if machine.state not in KEEPS_ORDER:
            values["sealed"] = ""

        def work(tx: Connection) -> None:
            guard(tx, lease)
            tx.execute(update(pool_machines).where(MACHINE.id == machine.id).values(values))

        self._database.write(work)

    def _read(self, query: Select[Any]) -> list[Machine]:
        return [_machine(row) for row in self._database.read(lambda tx: tx.execute(query).all())]


def _of(pool: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    columns = [column for column in MACHINE if column.name != "sealed"]
    query = select(*columns).where(*conditions)
    return query.where(MACHINE.pool == pool) if pool else query


def _values(machine: Machine) -> dict[str, Any]:
    found = asdict(machine) | {"state": machine.state.value}
    del found["id"]
    return found


def _machine(row: Row[Any]) -> Machine:
    found = row._asdict()
    return Machine(**found | {"state": State(found["state"]), "failed": bool(found["failed"])})


def _text(order: Order) -> str:
    values = asdict(order) | {"user_data": order.user_data.reveal()}
    values["release_at"] = order.release_at and order.release_at.isoformat()
    return json.dumps(values)


def _order(text: str) -> Order:
    values = json.loads(text)
    release_at = values["release_at"] and datetime.fromisoformat(values["release_at"])
    return Order(**values | {"release_at": release_at, "user_data": Secret(values["user_data"])})
