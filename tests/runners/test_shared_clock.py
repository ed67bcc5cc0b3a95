"""Machines whose clocks differ agree on the database's."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import Unreachable
from runners.clock import COMPARE_EVERY, SharedClock
from runners.store import Store
from tests.contracts.conftest import books, books_url, postgres  # noqa: F401 fixtures

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def skewed(seconds: float):
    return lambda: datetime.now(UTC) + timedelta(seconds=seconds)


def test_machines_with_skewed_clocks_read_the_same_time(books: Store):  # noqa: F811
    ahead, behind = (SharedClock(books.now, own=skewed(seconds)) for seconds in (90.0, -3600.0))

    assert abs(ahead.now() - behind.now()) < timedelta(seconds=0.5)
    assert abs(ahead.now() - datetime.now(UTC)) < timedelta(seconds=0.5)


def test_a_deadline_of_a_fast_machine_is_over_on_a_slow_one_when_it_should_be(books: Store):  # noqa: F811
    ahead, behind = (SharedClock(books.now, own=skewed(seconds)) for seconds in (90.0, -90.0))
    until = ahead.now() + timedelta(seconds=10)

    assert behind.now() < until
    assert timedelta(seconds=9) < until - behind.now() < timedelta(seconds=11)


def test_the_last_correction_holds_while_the_database_is_away():
    answers: list[datetime | Exception] = [NOON, Unreachable("The database is away.")]
    time = [0.0]

    def shared() -> datetime:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    clock = SharedClock(shared, own=lambda: NOON + timedelta(seconds=90 + time[0]), monotonic=lambda: time[0])
    assert clock.now() == NOON
    time[0] = COMPARE_EVERY
    assert clock.now() == NOON + timedelta(seconds=COMPARE_EVERY)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_was_set_is_met_at_the_next_comparison(step: float):
    time, jump = [0.0], [0.0]
    shared = lambda: NOON + timedelta(seconds=time[0])  # noqa: E731
    clock = SharedClock(shared, own=lambda: shared() + timedelta(seconds=jump[0]), monotonic=lambda: time[0])
    clock.now()

    jump[0] = step
    time[0] = COMPARE_EVERY

    assert clock.now() == shared()
