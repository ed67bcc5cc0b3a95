"""Jobs side by side."""

from functools import partial
from threading import Barrier, BrokenBarrierError, Event, Thread

import pytest

from pipeline.errors import Unreachable
from runners.hands import ThreadHands

PATIENCE = 20.0  # seconds until a test gives up


def refused() -> int:
    raise Unreachable("web-1 does not answer.")


def broken() -> int:
    raise KeyError("a mistake of ours")


def test_results_come_in_the_order_of_the_jobs_with_errors_in_their_place():
    found = ThreadHands(2).each([lambda: 1, refused, lambda: 3])

    assert (found[0], found[2]) == (1, 3)
    assert isinstance(found[1], Unreachable)


def test_of_no_job_there_is_no_result():
    assert ThreadHands().each([]) == []


@pytest.mark.parametrize("more", [0, 5])
def test_what_is_not_foreseen_is_raised_after_all_are_done(more: int):
    done: list[int] = []

    with pytest.raises(KeyError):
        ThreadHands(2).each([broken, *(partial(done.append, n) for n in range(more))])

    assert sorted(done) == list(range(more))


def test_jobs_that_all_wait_do_not_keep_the_others_from_beginning():
    """A hundred silent hosts: none of these ends before all have begun, and only four threads are there at first."""
    all_have_begun = Barrier(100)

    found = ThreadHands(4).each([partial(all_have_begun.wait, PATIENCE)] * 100)

    assert not any(isinstance(one, BrokenBarrierError) for one in found)
    assert sorted(one for one in found if isinstance(one, int)) == list(range(100))


def test_without_a_thread_more_those_that_there_are_do_it_all(monkeypatch: pytest.MonkeyPatch):
    """A container may have a limit. No thread of ours can be refused for real, so the class refuses here."""
    begun, start = [], Thread.start

    def refusing(thread: Thread) -> None:
        begun.append(thread)
        if len(begun) > 2:
            refused_once.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    refused_once = Event()
    monkeypatch.setattr(Thread, "start", refusing)

    found = ThreadHands(2).each([partial(refused_once.wait, PATIENCE)] * 2 + [lambda: False] * 3)

    assert found == [True, True, False, False, False]
