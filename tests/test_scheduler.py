"""The scheduler's memory, and who leads."""

import threading
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.scaling.policy import Scaling
from pipeline.scheduler import LEASE_MARGIN, REST, TICK, Lead, Waker, Watch, look_after, schedule
from pipeline.settings import Server, Settings
from pipeline.timing import NoSchedules
from runners.process import Beat
from runners.stand_ins.books import MemoryLeases
from runners.stand_ins.time import VirtualClock
from tests.rollout.stage import Stage


@dataclass
class Books:
    """Runs and deployments as far as a scheduler asks for them, and the queue."""

    runs_due: list[int] = field(default_factory=list)
    deployments_due: list[int] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    queue_down: bool = False
    runs_held: list[Any] = field(default_factory=list)

    def due(self) -> list[int]:
        return self.runs_due

    def at_rest(self) -> bool:
        return not self.runs_due

    def held(self) -> list[Any]:
        return self.runs_held

    def held_for(self, number: int, why: str) -> None:
        self.runs_held = [run for run in self.runs_held if run.id != number or why]

    def wake_run(self, number: int, new: bool = False) -> None:
        self._wake(f"run {number}")

    def wake_deployment(self, number: int) -> None:
        self._wake(f"deployment {number}")

    def _wake(self, what: str) -> None:
        if self.queue_down:
            raise Unreachable("Redis is away")
        self.woken.append(what)


def ports_of(books: Books) -> Any:
    return SimpleNamespace(
        settings=Settings(),
        runs=books,
        deployments=SimpleNamespace(
            due=lambda: books.deployments_due, at_rest=lambda: not books.deployments_due
        ),
        queue=books,
        schedules=NoSchedules(),
        clock=VirtualClock(),
        leases=MemoryLeases(VirtualClock()),
    )


def test_a_leader_at_rest_wakes_a_held_run_that_nothing_holds_any_more() -> None:
    books = Books(
        runs_held=[SimpleNamespace(id=7, service="gone", environment="production", held="waits for Monday")]
    )

    schedule(ports_of(books), Turns(2), Beat(), lambda: None)

    assert books.woken == ["run 7"]


# ------------------------------------------------------------------------------------------------ waking


def test_what_is_due_is_woken_once_and_again_when_nobody_came() -> None:
    books = Books(runs_due=[1], deployments_due=[2])
    waker = Waker(ports_of(books))

    for now in (0.0, 1.0, 2.0, 3.0):
        waker.wake_due(now)

    assert books.woken == ["run 1", "deployment 2", "run 1", "deployment 2"]


def test_what_became_due_again_is_woken_at_once() -> None:
    books = Books(runs_due=[1])
    waker = Waker(ports_of(books))
    waker.wake_due(0.0)
    books.runs_due = []
    waker.wake_due(1.0)
    books.runs_due = [1]

    waker.wake_due(2.0)

    assert books.woken == ["run 1", "run 1"]


def test_a_wake_that_failed_is_tried_at_the_next_look() -> None:
    books = Books(runs_due=[1], queue_down=True)
    waker = Waker(ports_of(books))
    with pytest.raises(Unreachable):
        waker.wake_due(0.0)
    books.queue_down = False

    waker.wake_due(1.0)

    assert books.woken == ["run 1"]


# ------------------------------------------------------------------------------------------------ leading


class Turns(threading.Event):
    """A clock that lets the scheduler tick so often and then asks it to stop."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.turns -= 1
        self.waited.append(timeout)
        return self.turns < 0


def test_only_the_leader_wakes_anybody() -> None:
    books = Books(runs_due=[1])
    ports = ports_of(books)
    ports.leases.take("scheduler", "another", 60.0)

    schedule(ports, Turns(3), Beat(), lambda: None)

    assert books.woken == []


def test_a_leader_that_ends_lets_the_next_one_lead_at_once() -> None:
    ports = ports_of(Books(runs_due=[1]))

    schedule(ports, Turns(1), Beat(), lambda: None)

    assert ports.leases.take("scheduler", "next", 5.0) is not None


@pytest.mark.parametrize(
    ("books", "pauses"),
    [
        (Books(), [TICK, REST, REST]),
        (Books(runs_due=[1]), [TICK, TICK, TICK]),
        (Books(deployments_due=[1]), [TICK, TICK, TICK]),
    ],
    ids=["nothing open", "a run", "a deployment"],
)
def test_it_looks_less_often_while_nothing_is_open(books: Books, pauses: list[float]) -> None:
    turns = Turns(2)

    schedule(ports_of(books), turns, Beat(), lambda: None)

    assert turns.waited == pauses


def test_a_lead_at_rest_outlasts_the_longest_pause() -> None:
    ports, clock = ports_of(Books()), VirtualClock()
    ports.leases = MemoryLeases(clock)
    lead = Lead(ports)

    for _ in range(3):
        assert lead.held(clock.now().timestamp(), REST + LEASE_MARGIN)
        clock.sleep(REST + LEASE_MARGIN / 2)

    assert ports.leases.take("scheduler", "another", 5.0) is None


def test_a_lead_lasts_longer_than_its_lease_without_a_write_at_each_look() -> None:
    clock, written = VirtualClock(), []
    ports = ports_of(Books())
    ports.leases = MemoryLeases(clock)
    extend = ports.leases.extend
    ports.leases.extend = lambda lease, ttl: written.append(clock.now()) or extend(lease, ttl)
    lead = Lead(ports)

    held = []
    for second in range(12):
        held.append(lead.held(float(second), 5.0))
        clock.sleep(1.0)

    assert all(held)
    assert ports.leases.take("scheduler", "another", 5.0) is None
    assert len(written) == 5


def test_a_lead_that_was_lost_is_noticed_at_the_next_extension() -> None:
    clock = VirtualClock()
    ports = ports_of(Books())
    ports.leases = MemoryLeases(clock)
    lead = Lead(ports)
    lead.held(0.0, 5.0)
    clock.sleep(6.0)  # frozen for longer than the lease lasts
    ports.leases.take("scheduler", "another", 5.0)

    assert not lead.held(6.0, 5.0)


def test_a_queue_that_is_down_does_not_end_the_scheduler(caplog: pytest.LogCaptureFixture) -> None:
    ports = ports_of(Books(runs_due=[1], queue_down=True))

    schedule(ports, Turns(2), Beat(), lambda: None)

    assert caplog.text.count("tick failed") == 2


def test_only_the_leader_watches() -> None:
    looks: list[str] = []
    ports = ports_of(Books())
    ports.leases.take("scheduler", "another", 60.0)

    schedule(ports, Turns(3), Beat(), lambda: None, watch=Watch(lambda: looks.append("look")))

    assert looks == []


def test_regions_are_looked_at_in_time_also_while_nothing_is_under_way() -> None:
    looks: list[str] = []
    turns = Turns(3)

    watch = Watch(lambda: looks.append("look"), TICK, "regions", prompt=True)
    schedule(ports_of(Books()), turns, Beat(), lambda: None, watches=[watch])

    assert looks
    assert set(turns.waited) == {TICK}


def test_what_scales_is_looked_at_in_time_also_while_nothing_is_under_way() -> None:
    ports, turns = ports_of(Books()), Turns(2)
    place = Environment("shop", "production", (), scaling=Scaling(1, 4))
    service = Service("shop", Repository("file:///shop.git"), environments={"production": place})
    ports.settings = Settings(Server(scaling_every=5.0), services={"shop": service})
    ports.leases.take("scheduler", "another", 60.0)

    schedule(ports, turns, Beat(), lambda: None)

    assert turns.waited == [TICK, 5.0, 5.0]


# ------------------------------------------------------------------------------------------------ hosts


def test_a_drain_that_had_to_wait_is_drafted_and_woken():
    stage, books = Stage(hosts=2, edge=True), Books()
    stage.live()
    stage.ports.fleet.drain("web-1", "mia", "")

    soon = look_after(replace(stage.ports, queue=books))

    assert books.woken == ["deployment 2"]
    assert not soon


def test_a_silent_host_is_looked_at_again_soon():
    stage, books = Stage(hosts=2, edge=True), Books()
    stage.live()
    stage.world.up["web-1"] = False

    assert look_after(replace(stage.ports, queue=books))
