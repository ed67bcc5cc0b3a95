"""What went wrong in the database, in three kinds, and the sentence that says so. SQLAlchemy's errors end here."""

import sqlite3
from enum import Enum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline.errors import DiskFull, Rejected, RunnerError, Unreachable

PASSING_STATES = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available within lock_timeout
    "57014",  # statement_timeout
    "57P01",  # the server is shutting down
    "57P03",  # … or starting up
    "25P03",  # idle_in_transaction_session_timeout: we were frozen and our transaction was ended
    "53300",  # too many connections
}


class Fault(Enum):
    """PASSING: nothing was written, and the same again may succeed."""

    PASSING = "passing"
    FULL = "full"
    LASTING = "lasting"


def fault_of(error: SQLAlchemyError) -> Fault:
    if isinstance(error, PoolTimeout):
        return Fault.PASSING
    if not isinstance(error, DBAPIError):
        return Fault.LASTING
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    return _of_postgres(error)


def _of_sqlite(error: sqlite3.Error) -> Fault:
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return Fault.PASSING
    return Fault.FULL if name == "SQLITE_FULL" else Fault.LASTING


def _of_postgres(error: DBAPIError) -> Fault:
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100":
        return Fault.FULL
    if state in PASSING_STATES:
        return Fault.PASSING
    away = state is None and type(error.orig).__name__ == "OperationalError"
    return Fault.PASSING if away or error.connection_invalidated else Fault.LASTING


def sentence(fault: Fault, name: str, patience: float, error: SQLAlchemyError) -> RunnerError:
    cause = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    if fault is Fault.FULL:
        return DiskFull(
            f"The database {name} cannot grow: the disk is full. Nothing was written; free some space."
        )
    if fault is Fault.PASSING:
        return Unreachable(
            f"The database {name} stayed locked or away for {patience:g} s ({cause}). Nothing was written. "
            "A process that is frozen inside a transaction does this: end it, or see that the server runs; then try again."
        )
    return Rejected(f"The database {name} refused: {cause}. Nothing was written.")
