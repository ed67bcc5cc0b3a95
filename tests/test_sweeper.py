"""When looks happen: spread, backing off, one at a time for each forge, and no forge waiting for another."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import sweeper as module
from pipeline.errors import Unreachable
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.settings import Settings
from pipeline.sweeper import GRACE, LONGEST, Sweeper


def service(name: str, host: str = "a", poll: float = 60.0) -> Service:
    place = {"test": Environment(name, "test", (), branches=("main",))}
    return Service(name, Repository(f"https://{host}/{name}.git", poll=poll), environments=place)


@dataclass
class Looks:
    """Stands for `intake.sweep.look`: when each repository was looked at, and what came of it."""

    now: float = 0.0
    done: list[tuple[float, str]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    suspects: dict[str, frozenset[Any]] = field(default_factory=dict)
    hanging: dict[str, threading.Event] = field(default_factory=dict)

    def look(self, services: list[Service], suspects: frozenset[Any], ports: object) -> frozenset[Any]:
        name = services[0].name
        self.done.append((self.now, name))
        if name in self.hanging:
            self.hanging[name].wait(10)
        if name in self.down:
            raise Unreachable("no answer")
        return self.suspects.get(name, frozenset())

    def of(self, name: str) -> list[float]:
        return [at for at, who in self.done if who == name]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found = Looks()
    monkeypatch.setattr(module, "look", found.look)  # the flow has tests of its own, with git
    return found


def run(looks: Looks, seconds: int, *services: Service) -> None:
    sweeper = sweeper_of(looks, *services)
    for second in range(seconds):
        looks.now = float(second)
        sweeper.start_due()
        sweeper.wait()


def sweeper_of(looks: Looks, *services: Service) -> Sweeper:
    ports: Any = SimpleNamespace(settings=Settings(services={one.name: one for one in services}))
    return Sweeper(ports, lambda: looks.now)


def test_looks_at_many_repositories_are_spread_over_the_time_between_two(looks: Looks):
    run(looks, 126, *(service(name) for name in ("one", "two", "three")))

    assert looks.of("one") == [5.0, 65.0, 125.0]
    assert looks.of("two") == [25.0, 85.0]
    assert looks.of("three") == [45.0, 105.0]


def test_a_repository_with_poll_off_is_never_looked_at(looks: Looks):
    run(looks, 100, service("quiet", poll=0.0))

    assert looks.done == []


def test_services_of_one_repository_share_a_look(looks: Looks):
    url = Repository("https://a/mono.git")
    run(looks, 60, *(Service(name, url) for name in ("one", "two")))

    assert looks.done == [(5.0, "one")]


def test_a_forge_that_is_down_is_asked_less_and_less_and_as_before_when_it_is_back(looks: Looks):
    looks.down = {"one"}
    sweeper = sweeper_of(looks, service("one"))
    for second in range(6000):
        looks.now = float(second)
        looks.down = {"one"} if second < 4000 else set()
        sweeper.start_due()
        sweeper.wait()

    gaps = [later - earlier for earlier, later in zip(looks.of("one"), looks.of("one")[1:], strict=False)]
    assert gaps[:5] == [120.0, 240.0, 480.0, LONGEST, LONGEST]
    assert gaps[-1] == 60.0


def test_what_is_missing_for_the_first_time_is_looked_at_again_soon(looks: Looks):
    looks.suspects["one"] = frozenset({"main"})

    run(looks, 16, service("one"))

    assert looks.of("one") == [5.0, 5.0 + GRACE]


def test_a_forge_that_hangs_delays_its_own_repositories_alone(looks: Looks):
    looks.hanging["slow"] = threading.Event()
    sweeper = sweeper_of(looks, service("slow"), service("behind"), service("other", host="b"))
    for second in range(100):
        looks.now = float(second)
        sweeper.start_due()
        for thread in (one for name, one in sweeper._busy.items() if name == "b"):
            thread.join()

    assert (looks.of("slow"), looks.of("behind"), looks.of("other")) == ([5.0], [], [45.0])
    looks.hanging["slow"].set()
    sweeper.wait()
    sweeper.start_due()
    sweeper.wait()
    assert looks.of("behind") == [99.0]


def test_a_failure_is_said_in_the_log(looks: Looks, caplog: pytest.LogCaptureFixture):
    looks.down = {"one"}

    run(looks, 6, service("one"))

    assert "repository not looked at" in caplog.text
