"""Leases kept by a thread: extended while they are held, left alone after; a database that is away for a moment is borne."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pipeline.errors import Unreachable
from pipeline.lease import Lease
from runners.kept_leases import KeptLeases

TTL = 0.04


class Leases:
    """One that is free; answers the test's word to each extension, and tells when it was asked."""

    def __init__(self, answer: Callable[[], bool] = lambda: True) -> None:
        self.answer = answer
        self.asked = threading.Semaphore(0)
        self.given_back: list[str] = []

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        return None if key == "held" else Lease(key, owner, 1, datetime.now(UTC) + timedelta(seconds=ttl))

    def extend(self, lease: Lease, ttl: float) -> bool:
        self.asked.release()
        return self.answer()

    def give_back(self, lease: Lease) -> None:
        self.given_back.append(lease.key)


def away() -> bool:
    raise Unreachable("the database is locked")


def taken(leases: Leases, key: str) -> tuple[KeptLeases, Lease, threading.Thread]:
    kept = KeptLeases(leases)
    lease = kept.take(key, "me", TTL)
    assert lease is not None
    (thread,) = (one for one in threading.enumerate() if one.name == f"lease {key}")
    return kept, lease, thread


def test_it_is_extended_until_it_is_given_back():
    leases = Leases()
    kept, lease, thread = taken(leases, "reports")
    assert all(leases.asked.acquire(timeout=5) for _ in range(8))

    kept.give_back(lease)

    thread.join(5)
    assert not thread.is_alive()
    assert leases.given_back == ["reports"]


def test_one_that_was_lost_is_not_asked_for_again():
    leases = Leases(lambda: False)

    kept, lease, thread = taken(leases, "notices")

    thread.join(5)
    assert not thread.is_alive()
    assert not kept.extend(lease, TTL)
    kept.give_back(lease)


def test_a_database_that_is_away_for_a_moment_is_borne():
    answers = iter([away, away])
    leases = Leases(lambda: next(answers, lambda: True)())

    kept, lease, _ = taken(leases, "away")

    assert all(leases.asked.acquire(timeout=5) for _ in range(4))
    kept.give_back(lease)


def test_one_that_somebody_holds_is_refused():
    assert KeptLeases(Leases()).take("held", "me", TTL) is None
