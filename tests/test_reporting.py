"""The thread that tells forges: it starts, goes on after an error, starts anew when it broke, and ends when asked."""

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.reporting import PAUSE, Reporting
from pipeline.reports.tell import tell
from tests.reports.conftest import House, gitlab, house  # noqa: F401 fixtures


class Bell:
    """Waits until the test lets it go on."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.rung, self.waiting = threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waiting.release()
        self.rung.acquire()


class Locked:
    """An outbox of a database that does not answer."""

    def waiting(self, now: datetime, limit: int = 500) -> list[Any]:
        raise Unreachable("the database is locked")


def test_what_changed_is_told_at_the_next_ring(house: House):  # noqa: F811
    bell, stopping = Bell(), threading.Event()
    reporting = Reporting(tell, house.desk, bell.wait, stopping)
    reporting.keep_up()
    assert bell.waiting.acquire(timeout=10)
    house.run()

    bell.rung.release()
    assert bell.waiting.acquire(timeout=10)

    assert len(house.shown()) == 5
    stopping.set()
    bell.rung.release()


def test_a_database_that_is_away_is_asked_again(house: House):  # noqa: F811
    bell, stopping = Bell(), threading.Event()
    reporting = Reporting(tell, replace(house.desk, outbox=Locked()), bell.wait, stopping)  # type: ignore[arg-type]

    reporting.keep_up()

    assert bell.waiting.acquire(timeout=10)
    assert bell.waits == [PAUSE]
    stopping.set()
    bell.rung.release()


def test_it_runs_once_however_often_it_is_kept_up(house: House):  # noqa: F811
    bell, stopping = Bell(), threading.Event()
    reporting = Reporting(tell, house.desk, bell.wait, stopping)
    for _ in range(3):
        reporting.keep_up()

    assert bell.waiting.acquire(timeout=10)
    assert not bell.waiting.acquire(timeout=0.2)
    stopping.set()
    bell.rung.release()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_broke_starts_anew_after_a_while(house: House, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    reporting = Reporting(tell, replace(house.desk, outbox=None), lambda _: None, threading.Event())  # type: ignore[arg-type]
    reporting.keep_up()
    first = reporting._thread
    assert first is not None
    first.join(10)

    reporting.keep_up()
    assert reporting._thread is first

    monkeypatch.setattr("pipeline.reporting.AGAIN", 0.0)  # the clock is the kernel's
    reporting.keep_up()
    assert reporting._thread is not first
    assert reporting._thread
    reporting._thread.join(10)
