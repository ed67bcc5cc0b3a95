"""What a worker does around a flow: the lease, the attempt, the unexpected. Real books, a stand-in outside world."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.delivery.run import NewRun, Run, RunStatus
from pipeline.errors import Conflict, Stopped, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.lease import deployment_key, run_key
from pipeline.ports import Ports
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.draft import draft
from pipeline.rollout.release import Release
from pipeline.settings import Settings
from pipeline.worker import CRASH, LEASE_TTL, MOST_ATTEMPTS, deploy_once, run_once, take_a_run
from runners.process import Beat
from runners.stand_ins.delivery import MemoryBuilder, MemorySource
from runners.stand_ins.logs import MemoryLogs
from runners.store import Store
from tests.parts.books import books_of
from tests.parts.empty_store import empty_store

COMMIT = "a" * 40
IMAGE = "registry:5000/shop@sha256:" + "0" * 64
HOST = Host("web-1", "unix:///x", "10.0.0.1")
PRODUCTION = Environment("shop", "production", (HOST,), branches=("main",))


class BrokenHands:
    """The first thing that a driver needs once it has begun, failing as asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def each(self, jobs: Any) -> Any:
        raise self.error


@dataclass
class Bench:
    ports: Ports
    store: Store
    source: MemorySource
    stopping: threading.Event = field(default_factory=threading.Event)

    def queued(self) -> Run:
        return self.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:ada"))

    def work(self, run: Run) -> Run:
        run_once(run.id, self.ports, self.stopping, Beat())
        return self.store.runs.run(run.id)

    def deployment(self) -> int:
        release = self.store.releases.add(Release("shop", 0, IMAGE))
        now = datetime.now(UTC)
        return self.store.deployments.create(draft(PRODUCTION, release, None, Reason.MANUAL, "api:ada", now))

    def told(self, number: int) -> list[str]:
        return [happening.text for _, happening in self.store.deployments.happenings(number)]

    def drive(self, number: int, error: Exception) -> None:
        ports = replace(self.ports, hands=BrokenHands(error))
        deploy_once(number, ports, self.stopping, Beat())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    shop = Service(
        "shop", Repository("https://git.example.com/shop.git"), environments={"production": PRODUCTION}
    )
    settings = Settings(
        registry=RegistryAccess("registry:5000"), hosts={"web-1": HOST}, services={"shop": shop}
    )
    store = empty_store(tmp_path)
    source = MemorySource({COMMIT: {"Dockerfile": "FROM busybox\n"}})
    nothing: Any = None
    ports = Ports(
        settings=settings,
        forges={},
        **books_of(store),
        logs=MemoryLogs(),
        queue=SimpleNamespace(wake_run=lambda _: None, wake_deployment=lambda _: None),  # type: ignore[arg-type]
        source=source,
        builder=MemoryBuilder(),
        engines=nothing,
        proxies=nothing,
        balancers={},
        probe=nothing,
        metrics=nothing,
        hands=nothing,
        clock=SimpleNamespace(now=lambda: datetime.now(UTC), sleep=lambda _: None),
        notices=SimpleNamespace(tell=lambda title, text: None),
    )
    yield Bench(ports, store, source)
    store.close()


def test_a_run_travels_and_its_lease_is_given_back(bench: Bench) -> None:
    run = bench.work(bench.queued())

    assert run.deployment is not None
    assert bench.store.leases.take(run_key(run.id), "other", 1.0) is not None


def test_a_run_that_somebody_works_on_is_dropped_silently(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    run = bench.queued()
    bench.store.leases.take(run_key(run.id), "other", 60.0)

    assert bench.work(run).status is RunStatus.QUEUED
    assert bench.source.deeds == []
    assert caplog.text == ""


def test_a_run_that_is_over_is_left_as_it_is(bench: Bench) -> None:
    run = bench.queued()
    bench.store.runs.cancel(run.id)

    assert bench.work(run).status is RunStatus.CANCELLED
    assert bench.source.deeds == []


def test_a_run_twice_in_the_queue_is_done_once(bench: Bench) -> None:
    run = bench.queued()

    first, second = bench.work(run), bench.work(run)

    assert second == first
    assert len([deed for deed in bench.source.deeds if deed.startswith("checkout")]) == 1


def test_a_stop_leaves_the_run_to_the_next_worker_at_once(bench: Bench) -> None:
    bench.source.failing["checkout"] = Stopped("stopped")

    run = bench.work(bench.queued())

    assert run.status is RunStatus.RUNNING
    assert bench.store.runs.due() == [run.id]


def test_something_that_nobody_expected_fails_the_run_with_a_sentence(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.source.failing["checkout"] = ZeroDivisionError("division by zero")

    run = bench.work(bench.queued())

    assert run.status is RunStatus.FAILED
    assert "ZeroDivisionError: division by zero" in run.error
    assert f"`shipway run retry {run.id}`" in run.error
    reference = vars(next(r for r in caplog.records if r.message == "run broke"))["reference"]
    assert reference in run.error


def test_a_run_whose_worker_always_dies_ends_at_last(bench: Bench) -> None:
    run = bench.queued()
    for turn in range(MOST_ATTEMPTS):
        lease = bench.store.leases.take(run_key(run.id), f"dead {turn}", 60.0)
        assert lease is not None
        assert bench.store.runs.begin(run.id, lease)
        bench.store.leases.give_back(lease)

    after = bench.work(run)

    assert after.status is RunStatus.FAILED
    assert f"died {MOST_ATTEMPTS} times" in after.error


def test_a_driver_that_breaks_says_so_and_waits_longer_each_time(bench: Bench) -> None:
    number = bench.deployment()

    bench.drive(number, ZeroDivisionError("division by zero"))
    assert bench.store.leases.take(deployment_key(number), "eager", 1.0) is None

    told = [h for _, h in bench.store.deployments.happenings(number) if h.kind == CRASH]
    assert "ZeroDivisionError: division by zero" in told[0].text
    assert "goes on in 1 s" in told[0].text
    assert bench.store.deployments.deployment(number).status is Status.PREPARING


def test_a_driver_that_lost_the_race_waits_quietly(bench: Bench) -> None:
    number = bench.deployment()

    bench.drive(number, Conflict("another one is active"))

    assert bench.told(number) == ["preparing"]


def test_a_driver_that_is_stopped_leaves_the_deployment_due(bench: Bench) -> None:
    number = bench.deployment()

    bench.drive(number, Stopped("lease lost"))

    assert bench.told(number) == ["preparing"]
    assert bench.store.deployments.due() == [number]


def test_a_driver_that_returns_early_is_told_of(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = bench.deployment()
    early = bench.store.deployments.deployment(number)
    monkeypatch.setattr("pipeline.worker.drive", lambda *_: early)

    with caplog.at_level("INFO", "shipway.worker"):
        deploy_once(number, bench.ports, bench.stopping, Beat())

    assert [record.message for record in caplog.records] == ["deployment taken up", "deployment put down"]


def test_a_deployment_that_somebody_drives_is_dropped(bench: Bench) -> None:
    number = bench.deployment()
    bench.store.leases.take(deployment_key(number), "other", 60.0)

    bench.drive(number, AssertionError("must not be reached"))

    assert bench.store.deployments.happenings(number) == []


def test_books_that_are_away_at_the_end_only_make_the_next_one_wait(bench: Bench) -> None:
    run = bench.queued()

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(bench.store.leases, name)

        def give_back(self, lease: object) -> None:
            raise Unreachable("the database is locked")

    bench.ports = replace(bench.ports, leases=Away())

    assert bench.work(run).deployment is not None


def test_a_lost_worker_is_missed_within_six_seconds() -> None:
    assert timedelta(seconds=LEASE_TTL) + timedelta(seconds=1) <= timedelta(seconds=6)


# ------------------------------------------------------------------------------------------------ turns


def test_a_free_worker_takes_what_is_due_whatever_id_woke_it(bench: Bench) -> None:
    run = bench.queued()

    take_a_run(bench.ports, bench.stopping, Beat())

    assert bench.store.runs.run(run.id).deployment is not None


def test_a_run_that_somebody_else_took_meanwhile_is_passed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench.queued()
    request = NewRun("shop", "", "merge_request", "refs/pull/3/head", COMMIT, "push:ada", merge_request=3)
    second = bench.store.runs.add(request)
    monkeypatch.setattr(bench.store.runs, "due", lambda: [first.id, second.id])
    bench.store.leases.take(run_key(first.id), "another", 60.0)

    take_a_run(bench.ports, bench.stopping, Beat())

    assert [bench.store.runs.run(run.id).attempt for run in (first, second)] == [0, 1]


def test_a_worker_that_is_to_end_takes_nothing(bench: Bench) -> None:
    run = bench.queued()
    bench.stopping.set()

    take_a_run(bench.ports, bench.stopping, Beat())

    assert bench.store.runs.run(run.id).attempt == 0
