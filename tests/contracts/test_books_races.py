"""Races over the books: two stores on one database stand for two processes, threads for requests. Each runs 50 times."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from pipeline.errors import Conflict
from pipeline.rollout.deployment import Request, Status
from runners.store import Store, open_store
from tests.contracts.samples import (
    created,
    delivery,
    deployment,
    handed_over,
    lease_deployment,
    lease_run,
    new_run,
    release,
    settle,
)

T = TypeVar("T")
TIMES = 50


@pytest.fixture
def rival(books_url: str, tmp_path: Path) -> Iterator[Store]:
    """The same books as another process has them."""
    store = open_store(books_url, str(tmp_path / "keys"))
    yield store
    store.close()


@pytest.fixture
def at_once() -> Iterator[Callable[..., list[object]]]:
    """Runs all jobs at the same instant; results in order."""
    with ThreadPoolExecutor(max_workers=8) as pool:

        def run(*jobs: Callable[[], T]) -> list[T]:
            gate = threading.Barrier(len(jobs))

            def start(job: Callable[[], T]) -> T:
                gate.wait(timeout=10)
                return job()

            return list(pool.map(start, jobs))

        yield run


def test_two_equal_deliveries_at_once_are_one(books: Store, rival: Store, at_once):
    for number in range(TIMES):
        hook = delivery(f"k{number}")

        answers = at_once(*(lambda s=store, h=hook: s.inbox.receive(h) for store in (books, books, rival)))

        assert sorted(answer.duplicate for answer in answers) == [False, True, True]
        assert len({(answer.id, answer.runs) for answer in answers}) == 1
    assert len(books.inbox.deliveries(limit=500)) == TIMES
    assert sum(books.runs.counts().values()) == TIMES


def test_of_many_pushes_at_once_one_run_stays_queued(books: Store, rival: Store, at_once):
    for number in range(TIMES):
        at_once(
            lambda: books.inbox.receive(delivery(f"a{number}")),  # noqa: B023 run before the next turn
            lambda: rival.inbox.receive(delivery(f"b{number}")),  # noqa: B023
            lambda: books.runs.add(new_run()),
            lambda: rival.runs.add(new_run()),
        )

        (queued,) = books.runs.runs(status="queued")
        assert queued.id == books.runs.runs(limit=1)[0].id


def test_one_key_is_leased_once_and_fences_never_repeat(books: Store, rival: Store, at_once):
    fences = []
    for _ in range(TIMES):
        stores = [books, rival] * 4
        taken = at_once(
            *(lambda s=s, n=n: s.leases.take("k", f"owner-{n}", 30) for n, s in enumerate(stores))
        )

        (lease,) = [one for one in taken if one is not None]
        fences.append(lease.fence)
        books.leases.give_back(lease)
    assert fences == sorted(set(fences))


def test_a_run_is_begun_or_superseded_never_both(books: Store, rival: Store, at_once):
    for _ in range(TIMES):
        first = books.runs.add(new_run()).id
        lease = lease_run(books, first)

        run, newer = at_once(
            lambda: books.runs.begin(first, lease),  # noqa: B023
            lambda: rival.runs.add(new_run()),
        )

        now = books.runs.run(first).status
        assert now == ("superseded" if run is None else "running")
        assert books.runs.run(newer.id).status == "queued"
        books.runs.finish(first, "failed", "", None)


def test_release_numbers_have_no_twin_and_no_gap(books: Store, rival: Store, at_once):
    for _ in range(TIMES // 4):
        at_once(*(lambda s=s: s.releases.add(release()) for s in [books, rival] * 4))

    numbers = [one.number for one in books.releases.releases("shop", limit=500)]
    assert numbers == list(range(len(numbers), 0, -1))


def test_one_of_two_deployments_becomes_active(books: Store, rival: Store, at_once):
    def start(store: Store, record, lease) -> str:
        try:
            store.deployments.save(replace(record, status=Status.PREPARING), [], lease)
        except Conflict:
            return "refused"
        return "started"

    for _ in range(TIMES // 2):
        first, second = settle(books, created(books).id, Status.ROLLING), created(books)
        lease = lease_deployment(books, first.id)
        next_lease = lease_deployment(books, second.id)

        at_once(
            lambda: books.deployments.save(replace(first, status=Status.FAILED), [], lease),  # noqa: B023
            lambda: start(rival, second, next_lease),  # noqa: B023
        )

        counts = Counter(one.status for one in books.deployments.deployments(limit=500))
        assert sum(counts[status] for status in ("rolling", "preparing")) <= 1
        if books.deployments.deployment(second.id).status is not Status.PENDING:
            books.deployments.save(replace(second, status=Status.FAILED), [], next_lease)


def test_one_deployment_stays_pending_of_many_made_at_once(books: Store, rival: Store, at_once):
    stored = books.releases.add(release())
    for _ in range(TIMES // 2):
        at_once(*(lambda s=s: s.deployments.create(deployment(stored)) for s in [books, rival] * 2))

        assert len(books.deployments.due()) == 1


def test_no_request_is_lost_and_none_is_obeyed_twice(books: Store, rival: Store):
    record = settle(books, created(books).id, Status.ROLLING)
    lease = lease_deployment(books, record.id)
    done = threading.Event()
    obeyed: list[Request] = []

    def drive() -> None:
        while not done.is_set() or books.deployments.requested(record.id):
            seen = books.deployments.requested(record.id)
            if seen:
                obeyed.append(seen)
            books.deployments.save(replace(record, request=Request.NONE), [], lease)
            time.sleep(0.002)

    driver = threading.Thread(target=drive)
    driver.start()
    for number in range(TIMES):
        rival.deployments.ask(record.id, Request.PAUSE if number % 2 else Request.RESUME)
        while rival.deployments.deployment(record.id).request:
            time.sleep(0.005)
    done.set()
    driver.join(timeout=30)

    assert obeyed == [Request.PAUSE if number % 2 else Request.RESUME for number in range(TIMES)]


def test_a_cancel_and_the_end_of_a_deployment_agree(books: Store, rival: Store, at_once):
    def cancel(run_id: int) -> None:
        try:
            rival.runs.cancel(run_id)
        except Conflict:
            return

    for _ in range(TIMES // 2):
        run_id, number = handed_over(books)
        rolling = settle(books, number, Status.ROLLING)
        lease = lease_deployment(books, number)

        at_once(
            lambda: books.deployments.save(replace(rolling, status=Status.SUCCEEDED), [], lease),  # noqa: B023
            lambda: cancel(run_id),  # noqa: B023
        )

        assert books.runs.run(run_id).status == "succeeded"
        assert books.deployments.deployment(number).status is Status.SUCCEEDED


def test_a_new_driver_finds_the_request_in_the_record(books: Store, books_url: str, tmp_path: Path):
    record = settle(books, created(books).id, Status.ROLLING)
    lease = lease_deployment(books, record.id)
    books.deployments.ask(record.id, Request.PAUSE)
    other = open_store(books_url, str(tmp_path / "keys"))

    found = other.deployments.deployment(record.id)
    other.deployments.save(replace(found, request=Request.NONE), [], lease)

    assert found.request is Request.PAUSE
    assert other.deployments.requested(record.id) is Request.NONE
    other.close()
