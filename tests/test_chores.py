"""What the scheduler looks at and tidies beside the queue: each at its times, never twice at once."""

import threading

from pipeline.scheduler import Chores, Watch


def test_a_watch_looks_at_its_times_and_never_twice_at_once() -> None:
    looks, held = [], threading.Event()
    watch = Watch(lambda: (looks.append("look"), held.wait(5.0)))  # type: ignore[arg-type, return-value]

    for now in (0.0, 30.0, 90.0):
        watch.start_due(now)
    held.set()
    assert watch.thread is not None
    watch.thread.join()
    watch.start_due(100.0)
    watch.thread.join()

    assert looks == ["look", "look"]


def test_chores_are_done_soon_after_the_start_and_then_at_their_times() -> None:
    done: list[str] = []
    chores = Chores(
        lambda: done.append("tidy"),
        lambda: bool(done.append("tend")),
        {"tend": 60.0, "tidy": 600.0},
    )

    for now in (0.0, 4.0, 5.0, 6.0, 30.0, 65.0, 66.0):
        chores.start_due(now)
        if chores.thread is not None:
            chores.thread.join()

    assert done == ["tend", "tidy", "tend"]


def test_hosts_are_looked_at_more_often_while_one_is_silent() -> None:
    at: list[float] = []
    silent = [True, True, False, False]
    chores = Chores(lambda: None, lambda: silent.pop(0))

    for now in range(0, 40):
        before = chores.started.get("tend")
        chores.start_due(float(now))
        if chores.thread is not None:
            if chores.started["tend"] != before and chores.thread.name == "tend":
                at.append(float(now))
            chores.thread.join()

    assert at == [5.0, 8.0, 11.0, 26.0]
