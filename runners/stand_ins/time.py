"""A clock that only moves when somebody sleeps or works, and hands that do one thing after the other."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pipeline.errors import ShipwayError

T = TypeVar("T")


class VirtualClock:
    """Implements `pipeline.ports.Clock`. A minute passes as fast as it is asked for."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=max(0.0, seconds))


class InlineHands:
    """Implements `pipeline.ports.Hands` without threads, so that every run of a test is the same."""

    def each(self, jobs: Sequence[Callable[[], T]]) -> list[T | Exception]:
        return [_done(job) for job in jobs]


def _done(job: Callable[[], T]) -> T | Exception:
    try:
        return job()
    except ShipwayError as error:
        return error
