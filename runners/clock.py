"""The machine's clock, and the one that machines share."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipeline.errors import ShipwayError

COMPARE_EVERY = 30.0  # seconds; a clock that drifts badly is off by a few milliseconds in them


class SystemClock:
    """Implements `pipeline.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class SharedClock(SystemClock):
    """The database's clock: deadlines that one machine wrote another one reads, and their own clocks may differ.

    The machine's clock, corrected by how far it was off when they were compared last; a step of it is met at the next
    comparison. While the database is away the last correction holds.
    """

    def __init__(
        self,
        shared: Callable[[], datetime],
        own: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._own = own
        self._monotonic = monotonic
        self._off = timedelta()
        self._due = float("-inf")
        self._lock = threading.Lock()

    def now(self) -> datetime:
        if self._monotonic() >= self._due and self._lock.acquire(blocking=self._due == float("-inf")):
            try:
                self._compare()
            finally:
                self._lock.release()
        return self._own() + self._off

    def _compare(self) -> None:
        if self._monotonic() < self._due:
            return  # somebody else just did
        self._due = self._monotonic() + COMPARE_EVERY
        before = self._own()
        try:
            shared = self._shared()
        except ShipwayError:
            return
        self._off = shared - (before + (self._own() - before) / 2)
