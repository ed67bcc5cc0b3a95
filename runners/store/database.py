"""The way into the database: short transactions that survive locks, forks and restarts. Knows no table.

`write` runs a function in one transaction and runs it again when the database was locked, so the function must have no
effect but its SQL. SQLite writers take the write lock at once (BEGIN IMMEDIATE): a lock that is upgraded half way
fails without waiting. PostgreSQL writers that touch the same thing line up by `line_up`, so that both kinds of
database see the same order of events.
"""

import hashlib
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Table, create_engine, func, make_url, select, text
from sqlalchemy.engine import Engine, RootTransaction
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from pipeline.errors import BadConfig, Unreachable
from runners.store.dialects import AT_ONCE, Upsert, connection_options, make_room, prepare, upsert
from runners.store.faults import Fault, fault_of, sentence
from runners.store.forks import ForkGate

T = TypeVar("T")
log = logging.getLogger("shipway.store")

PATIENCE = 20.0  # seconds until a locked database is called unreachable
PAUSE = (0.005, 0.25)  # first and longest wait between two attempts


class _Moved(Exception):
    """What the transaction stood on was changed meanwhile; nothing was written."""


class Database:
    """One engine a process, made anew in every fork."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError as error:
            raise BadConfig(
                f"server.database: {url.partition('@')[0]!r} is not a database address."
            ) from error
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise BadConfig(
                f"server.database: {self.url.drivername} is not supported; use SQLite or PostgreSQL."
            )
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.patience = patience
        self.ground: Callable[[], object] = lambda: (
            None
        )  # what a transaction stands on: if it moves, it is done again
        make_room(self.url)
        self._engine = self._open()
        self._gate = ForkGate(close=self._close_idle, renew=self._renew)

    @property
    def name(self) -> str:
        """For messages: no password in it."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)

    def write(self, work: Callable[[Connection], T], patience: float | None = None) -> T:
        """One durable transaction. Raises `Unreachable` when the database stays locked or away."""
        return self._insist(work, "IMMEDIATE", self.patience if patience is None else patience)

    def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """One durable transaction of SQLite without waiting for others. Raises `Unreachable` when somebody is writing."""
        return self._insist(work, AT_ONCE, 0.0)

    def read(self, work: Callable[[Connection], T], patience: float | None = None) -> T:
        """One consistent look; nothing is written."""
        return self._insist(work, "DEFERRED", self.patience if patience is None else patience)

    def now(self, tx: Connection) -> datetime:
        """The database's clock. SQLite lives on one machine, so there it is that machine's."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def line_up(self, tx: Connection, *names: tuple[str, ...]) -> None:
        """Until this transaction ends no other one that names the same thing goes on. Always in one order."""
        if self.is_sqlite:
            return  # there is one writer anyway
        for number in sorted({_number(name) for name in names}):
            tx.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    def insert(self, table: Table) -> Upsert:
        """An INSERT that can say what to do on conflict."""
        return upsert(self.url.get_backend_name(), table)

    def close(self) -> None:
        self._engine.dispose()

    def _insist(self, work: Callable[[Connection], T], mode: str, patience: float) -> T:
        deadline = time.monotonic() + patience
        pause = PAUSE[0]
        while True:
            try:
                return self._once(work, mode)
            except _Moved:
                continue
            except SQLAlchemyError as error:
                fault = fault_of(error)
                if fault is not Fault.PASSING or time.monotonic() + pause > deadline:
                    raise sentence(fault, self.name, patience, error) from error
                log.debug("database busy", extra={"error": str(error)})
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 spreads writers out, no secret
            pause = min(pause * 2, PAUSE[1])

    def _once(self, work: Callable[[Connection], T], mode: str) -> T:
        with self._gate.passed(), self._engine.connect() as connection:
            connection.execution_options(shipway_mode=mode)
            with connection.begin() as transaction:
                ground = self.ground()
                result = work(connection)
                if mode != "DEFERRED" and self.ground() != ground:
                    raise _Moved
                self._commit(transaction, mode)
            return result

    def _commit(self, transaction: RootTransaction, mode: str) -> None:
        """A server that goes away while it commits leaves open whether it did: that is never done twice."""
        try:
            transaction.commit()
        except DBAPIError as error:
            if error.connection_invalidated and mode != "DEFERRED":
                raise Unreachable(
                    f"The database {self.name} went away in the middle of a commit. Look whether it was done, then try again."
                ) from error
            raise

    def _open(self) -> Engine:
        engine = create_engine(self.url, **connection_options(self.url))
        prepare(engine)
        return engine

    def _close_idle(self) -> None:
        self._engine.dispose()

    def _renew(self) -> None:
        self._engine.dispose(close=False)


def _number(name: tuple[str, ...]) -> int:
    """A lock number of PostgreSQL: 64 bits, signed."""
    return int.from_bytes(hashlib.sha256("/".join(name).encode()).digest()[:8], signed=True)
