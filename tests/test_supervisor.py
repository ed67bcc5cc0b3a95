"""The supervisor with children that only pretend."""

import itertools
import signal
import socket
from pathlib import Path

import pytest

from pipeline.supervisor import Child, ChildPlan, read_plan, write_plan
from runners.process import Beat


class Pretender:
    """A process whose end is told by the test."""

    pid = 4711

    def __init__(self) -> None:
        self.code: int | None = None
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return self.code or 0

    def send_signal(self, number: int, /) -> None:
        self.signals.append(number)


class Nursery:
    """Makes pretenders, and remembers them."""

    def __init__(self) -> None:
        self.born: list[Pretender] = []

    def __call__(self, plan: ChildPlan) -> Pretender:
        self.born.append(Pretender())
        return self.born[-1]


@pytest.fixture
def nursery() -> Nursery:
    return Nursery()


def looked_at(child: Child, *moments: float) -> None:
    for now in moments:
        child.look(now)


def test_a_child_that_dies_is_started_again_after_a_second(nursery: Nursery) -> None:
    child = Child(ChildPlan("a", ("a",)), nursery)
    looked_at(child, 0.0)
    nursery.born[0].code = 1

    looked_at(child, 0.2, 0.9)
    assert len(nursery.born) == 1
    looked_at(child, 1.0)
    assert len(nursery.born) == 2


def test_a_child_that_lived_long_is_started_again_at_once(nursery: Nursery) -> None:
    child = Child(ChildPlan("a", ("a",)), nursery)
    looked_at(child, 0.0)
    nursery.born[0].code = -9

    looked_at(child, 100.0, 100.0)

    assert len(nursery.born) == 2


def test_a_child_that_always_dies_young_is_started_more_and_more_slowly(nursery: Nursery) -> None:
    child = Child(ChildPlan("a", ("a",)), nursery)
    births, now = [], 0.0
    while now < 60:
        before = len(nursery.born)
        child.look(now)
        if len(nursery.born) > before:
            births.append(now)
            nursery.born[-1].code = 1
        now += 0.25

    pauses = [later - sooner for sooner, later in itertools.pairwise(births)]
    assert min(pauses) >= 1.0
    assert pauses == sorted(pauses)
    assert 10.0 <= pauses[-1] <= 11.0


def test_the_exit_code_or_signal_is_said(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    child = Child(ChildPlan("server", ("a",)), nursery)
    looked_at(child, 0.0)
    nursery.born[0].code = -11

    looked_at(child, 20.0)

    record = caplog.records[-1]
    assert (record.message, vars(record)["child"], vars(record)["signal"]) == (
        "process died",
        "server",
        "SIGSEGV",
    )


def test_a_child_without_signs_of_life_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    beat = tmp_path / "a.beat"
    child = Child(ChildPlan("a", ("a",), beat=str(beat)), nursery)
    looked_at(child, 0.0)
    Beat(str(beat)).touch()

    looked_at(child, 20.0, 34.0)
    assert nursery.born[0].signals == []
    looked_at(child, 36.0)
    assert nursery.born[0].signals == [signal.SIGKILL]


def test_a_child_that_beats_is_left_alone(nursery: Nursery, tmp_path: Path) -> None:
    beat = Beat(str(tmp_path / "a.beat"))
    child = Child(ChildPlan("a", ("a",), beat=beat.path), nursery)
    looked_at(child, 0.0)
    beat.touch()

    looked_at(child, 500.0)

    assert nursery.born[0].signals == []


def test_a_child_that_never_gives_its_first_sign_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    child = Child(ChildPlan("a", ("a",), beat=str(tmp_path / "never")), nursery)

    looked_at(child, 0.0, 29.0)
    assert nursery.born[0].signals == []
    looked_at(child, 31.0)
    assert nursery.born[0].signals == [signal.SIGKILL]


def test_a_child_waits_for_what_it_needs(nursery: Nursery, tmp_path: Path) -> None:
    needed = tmp_path / "redis.sock"
    child = Child(ChildPlan("a", ("a",), after=str(needed)), nursery)

    looked_at(child, 0.0, 1.0)
    assert child.waits
    assert nursery.born == []
    needed.touch()
    looked_at(child, 1.1)
    assert len(nursery.born) == 1


def test_a_child_does_not_wait_for_ever(nursery: Nursery, tmp_path: Path) -> None:
    child = Child(ChildPlan("a", ("a",), after=str(tmp_path / "never")), nursery)

    looked_at(child, 0.0, 31.0)

    assert len(nursery.born) == 1


def test_an_end_that_was_asked_for_is_no_news(nursery: Nursery, caplog: pytest.LogCaptureFixture) -> None:
    child = Child(ChildPlan("a", ("a",)), nursery)
    looked_at(child, 0.0)
    child.end(signal.SIGTERM)
    nursery.born[0].code = -15

    looked_at(child, 0.1)

    assert "process died" not in caplog.text


def test_a_child_that_asks_for_it_is_told_to_end_in_words_too(nursery: Nursery, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    child = Child(ChildPlan("a", ("a",), ready=path, farewell="bye"), nursery)
    looked_at(child, 0.0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        child.end(signal.SIGTERM)

        heard, _ = listener.accept()
        with heard:
            assert heard.recv(10) == b"bye"
    assert nursery.born[0].signals == [signal.SIGTERM]


def test_a_farewell_that_nobody_hears_is_no_trouble(nursery: Nursery, tmp_path: Path) -> None:
    child = Child(ChildPlan("a", ("a",), ready=str(tmp_path / "s"), farewell="bye"), nursery)
    looked_at(child, 0.0)

    child.end(signal.SIGTERM)

    assert nursery.born[0].signals == [signal.SIGTERM]


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plans = [ChildPlan("a", ("x", "y"), "beat", "ready", "after", True, (3, 4), 5), ChildPlan("b", ("z",))]

    write_plan(plans, tmp_path / "plan.json")

    assert read_plan(tmp_path / "plan.json") == plans
