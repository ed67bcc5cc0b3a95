"""When looks at what scales by itself happen, and what becomes of their deployments."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import scaler as module
from pipeline.errors import Unreachable
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.scaler import Scaler
from pipeline.scaling.group import Scaled
from pipeline.scaling.policy import Scaling
from pipeline.settings import Server, Settings

EVERY = 15.0  # seconds
PLACE = Environment("shop", "production", (), scaling=Scaling(1, 4))


class Town:
    """What the scheduler's clock says, how often was looked, and who was woken."""

    def __init__(self, place: Environment = PLACE, every: float = EVERY) -> None:
        self.now, self.looked, self.woken = 0.0, [], []
        self.answer: Any = Scaled()
        service = Service("shop", Repository("file:///shop.git"), environments={"production": place})
        self.ports: Any = SimpleNamespace(
            settings=Settings(Server(scaling_every=every), services={"shop": service}),
            queue=SimpleNamespace(wake_deployment=self.woken.append),
        )
        self.scaler = Scaler(self.ports, lambda: self.now)

    def look(self, ports: Any) -> Scaled:
        self.looked.append(self.now)
        if isinstance(self.answer, Exception):
            raise self.answer
        found: Scaled = self.answer
        return found

    def run(self, seconds: int, step: int = 1) -> None:
        for second in range(0, seconds, step):
            self.now = float(second)
            self.scaler.start_due()
            self.scaler.wait()


def looking(monkeypatch: pytest.MonkeyPatch, made: Town) -> Town:
    monkeypatch.setattr(module, "scale_environments", made.look)
    monkeypatch.setattr(module, "scale_pools", lambda ports: Scaled())
    return made


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Town:
    return looking(monkeypatch, Town())


def test_it_looks_every_quarter_of_a_minute(town):
    town.run(60)

    assert town.looked == [0.0, EVERY, 2 * EVERY, 3 * EVERY]


def test_it_looks_as_often_as_the_file_says(monkeypatch):
    made = looking(monkeypatch, Town(every=5.0))

    made.run(20)

    assert made.looked == [0.0, 5.0, 10.0, 15.0]
    assert made.scaler.patience() == 5.0


def test_a_scheduler_that_ticks_slowly_looks_as_often_in_the_long_run(town):
    town.run(600, step=6)

    assert len(town.looked) == pytest.approx(600 / EVERY, abs=2)


def test_its_deployments_are_woken(town):
    town.answer = Scaled((7, 9))

    town.run(1)

    assert town.woken == [7, 9]


def test_what_could_not_be_looked_at_is_tried_at_the_next_time(town):
    town.answer = Unreachable("the database is away")

    town.run(31)

    assert len(town.looked) == 3


def test_where_nothing_scales_nothing_is_looked_at(monkeypatch):
    made = looking(monkeypatch, Town(Environment("shop", "production", ())))

    made.run(60)

    assert made.looked == []
    assert made.scaler.patience() == float("inf")
