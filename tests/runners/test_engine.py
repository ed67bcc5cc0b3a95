"""How long a look waits for an engine that was silent a moment ago."""

from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.host import Host
from runners import engine
from runners.engine import DockerEngines
from runners.reach import BRIEF, QUICK

HOST = Host("web-1", "tcp://10.0.0.1:2375", "10.0.0.1")


class SilentReach:
    """Nobody answers; `waited` is the patience of each attempt."""

    def __init__(self) -> None:
        self.waited: list[int] = []

    def client(self, host: Host, patience: int) -> Any:
        self.waited.append(patience)
        raise Unreachable(f"Host {host.name}: no answer.")


@pytest.fixture
def time_is(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that only this file may look at: nothing here waits."""
    now = [1000.0]
    monkeypatch.setattr(engine.time, "monotonic", lambda: now[0])
    return now


def test_a_silent_engine_gets_less_time_in_the_next_looks_and_all_of_it_now_and_then(time_is: list[float]):
    reach = SilentReach()
    engines = DockerEngines(reach)  # type: ignore[arg-type]

    for at in (0.0, 1.0, 14.0, 16.0, 17.0):
        time_is[0] = 1000.0 + at
        engines.look(HOST, "shop", "production")

    assert reach.waited == [QUICK, BRIEF, BRIEF, QUICK, BRIEF]


def test_another_engine_is_not_hurried(time_is: list[float]):
    reach = SilentReach()
    engines = DockerEngines(reach)  # type: ignore[arg-type]

    engines.look(HOST, "shop", "production")
    engines.look(Host("web-2", "tcp://10.0.0.2:2375", "10.0.0.2"), "shop", "production")

    assert reach.waited == [QUICK, QUICK]
