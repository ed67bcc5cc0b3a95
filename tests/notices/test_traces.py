"""Traces ride on the notices' book: made when a run ends, sent once, tried again, and nothing waits for them."""

import json
from dataclasses import replace

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.notices.notice import Fate
from pipeline.rollout.deployment import Status
from tests.contracts.samples import new_run
from tests.notices.conftest import House
from tests.parts.otlp_collector import decoded


class Sink:
    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.fault: Exception | None = None

    def send(self, body: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.bodies.append(body)


@pytest.fixture
def sink(house: House) -> Sink:
    """Nobody else is told."""
    found = Sink()
    house.desk = replace(house.desk, traces=found, settings=replace(house.desk.settings, notices=()))
    return found


def test_each_run_that_is_over_is_one_trace(house: House, sink: Sink):
    house.good_run()
    house.failed_run()
    house.deployed(Status.SUCCEEDED)

    house.tell()
    house.tell()

    assert len(sink.bodies) == 3
    assert house.store.notices.notices() == []  # the collector keeps them
    names = [[span["name"] for span in decoded(json.loads(body))] for body in sink.bodies]
    assert names[2][:3] == ["run shop production", "queue", "deploy"]
    assert house.mouth.said == []


def test_a_run_that_never_began_and_a_deployment_of_none_make_no_trace(house: House, sink: Sink):
    house.store.runs.cancel(house.store.runs.add(new_run()).id)
    house.manual(Status.SUCCEEDED)

    house.tell()

    assert sink.bodies == []
    assert house.store.notices.moments() == []


def test_no_secret_leaves_in_a_trace(house: House, sink: Sink):
    house.logs.hide(["open-sesame"])
    house.failed_run('login with "open-sesame" failed')

    house.tell()

    assert "open-sesame" not in sink.bodies[0]
    assert "login with" in sink.bodies[0]


def test_a_collector_that_is_away_gets_all_of_them_later(house: House, sink: Sink):
    sink.fault = Unreachable("away")
    for _ in range(30):
        house.good_run()
    house.tell()

    sink.fault = None
    house.clock.sleep(60)
    house.tell()

    assert len(sink.bodies) == 30  # more than people would be sent in a minute


def test_what_a_collector_refuses_is_dead_and_says_why(house: House, sink: Sink):
    sink.fault = Rejected("The collector refuses: 401.")
    house.good_run()

    house.tell()

    assert [one.error for one in house.store.notices.notices(fate=Fate.DEAD)] == [
        "The collector refuses: 401."
    ]


def test_people_are_told_all_the_same(house: House):
    house.desk = replace(house.desk, traces=Sink())
    house.failed_run()

    house.tell()

    assert len(house.mouth.said) == 1
