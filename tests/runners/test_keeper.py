"""The keeper of a lease: extends it, notices its loss, bears a database that is away, hears a wish to stop."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipeline.errors import Unreachable
from pipeline.lease import Lease
from runners.keeper import Keeper
from runners.process import GONE

LEASE = Lease("run:1", "me", 1, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=5))


class Leases:
    """Answers what the test says, and tells when it was asked."""

    def __init__(self, answer: Callable[[], bool]) -> None:
        self.answer = answer
        self.asked = threading.Semaphore(0)

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        return LEASE

    def extend(self, lease: Lease, ttl: float) -> bool:
        self.asked.release()
        return self.answer()

    def give_back(self, lease: Lease) -> None: ...


def away() -> bool:
    raise Unreachable("the database is locked")


def kept(
    leases: Leases, ttl: float = 60.0, wanted: Callable[[], bool] = lambda: False
) -> tuple[Keeper, list[int]]:
    left: list[int] = []
    return Keeper(leases, LEASE, ttl, wanted, every=0.01, leave=left.append), left


def test_a_lease_is_extended_as_long_as_the_work_goes_on() -> None:
    leases = Leases(lambda: True)
    keeper, left = kept(leases)

    with keeper:
        assert all(leases.asked.acquire(timeout=5) for _ in range(3))

    assert left == []
    assert not keeper.stop()


def test_a_process_that_lost_its_lease_ends() -> None:
    leases = Leases(lambda: False)
    keeper, left = kept(leases)

    with keeper:
        leases.asked.acquire(timeout=5)
        keeper._thread.join(5)

    assert left == [GONE]


def test_a_database_that_is_away_for_a_moment_is_borne() -> None:
    answers = iter([away, away])
    leases = Leases(lambda: next(answers, lambda: True)())
    keeper, left = kept(leases)

    with keeper:
        assert all(leases.asked.acquire(timeout=5) for _ in range(4))

    assert left == []


def test_a_database_that_is_away_for_longer_than_the_lease_ends_the_process() -> None:
    leases = Leases(away)
    keeper, left = kept(leases, ttl=0.05)

    with keeper:
        keeper._thread.join(5)

    assert left == [GONE]


def test_work_stops_as_soon_as_its_lease_may_have_run_out() -> None:
    """A process that was frozen asks before its thread has noticed anything."""
    keeper, _ = kept(Leases(lambda: True), ttl=-1.0)

    assert keeper.stop()


def test_a_wish_to_stop_is_heard() -> None:
    wished, heard = threading.Event(), threading.Event()
    leases = Leases(lambda: True)

    def wanted() -> bool:
        heard.set()
        return wished.is_set()

    keeper, left = kept(leases, wanted=wanted)
    with keeper:
        heard.wait(5)
        assert not keeper.stop()
        wished.set()
        assert keeper._stop.wait(5)

    assert left == []


def test_a_wish_that_cannot_be_read_stops_nothing() -> None:
    keeper, left = kept(Leases(lambda: True), wanted=away)

    with keeper:
        keeper._over.wait(0.1)

    assert left == []
    assert not keeper.stop()
