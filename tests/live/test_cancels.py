"""Cancels and kills at moments that nobody chose: whatever was under way, nothing of ours is left on the builder.

20 of them, and 50 with SHIPWAY_SWEEP=full. With BuildKit: the classic builder keeps an unnamed image of a step whose worker
was killed, without our labels.
"""

import json
import os
import random
import signal
import threading
import time

import pytest

from pipeline.delivery.deliver import deliver
from pipeline.errors import Stopped
from pipeline.lease import Lease, run_key
from tests.parts.works import Works

pytestmark = pytest.mark.live
ROUNDS = 25 if os.environ.get("SHIPWAY_SWEEP") == "full" else 10  # of each seed
LONGEST = 2.5  # seconds after which a run is cut; a whole one takes about two
KILLS = 0.3  # of all cuts; the others are cancels


@pytest.mark.parametrize("works", ["buildkit"], indirect=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_after_many_random_cancels_and_kills(works: Works, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    ended: set[str] = set()
    for number in range(ROUNDS):
        begin(works, number)
        delay = chance.uniform(0.0, LONGEST)
        if chance.random() < KILLS:
            killed_after(delay, works)
        else:
            cancelled_after(delay, works)
        ended.add(works.run.status)
        nothing_left(works)

    assert "cancelled" in ended


def begin(works: Works, number: int) -> None:
    """A build of its own, and tests with a container beside them."""
    tests = {
        "commands": {"one": "sleep 0.3", "two": "sleep 0.3"},
        "services": {"idle": {"image": works.busybox, "command": "sleep 60", "health": "true"}},
    }
    dockerfile = f"FROM BUSYBOX\nRUN echo {number} >/number && sleep 0.2\nCOPY VERSION /v\n"
    works.push(dockerfile, **{".shipway.yml": json.dumps({"test": tests})})


def cancelled_after(delay: float, works: Works) -> None:
    asked = threading.Event()

    def ask() -> None:
        if not works.run.over and works.run.deployment is None:
            works.store.runs.cancel(works.run_id)
        asked.set()

    timer = threading.Timer(delay, ask)
    timer.start()
    begun = time.monotonic()
    run = works.go(asked.is_set)
    took = time.monotonic() - begun
    timer.cancel()
    timer.join()
    assert run.status != "cancelled" or took < delay + 5


def killed_after(delay: float, works: Works) -> None:
    """A worker of its own, killed; the next one is told at once that nobody wants the run any more."""
    lease = works.store.leases.take(run_key(works.run_id), "killed", 600.0)
    assert lease
    child = os.fork()
    if child == 0:
        attempt(works, lease)
    threading.Event().wait(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    works.store.leases.give_back(lease)
    if works.run.over or works.run.deployment is not None:
        return
    works.store.runs.cancel(works.run_id)
    if not works.run.over:  # it was queued still
        works.go(lambda: True)


def attempt(works: Works, lease: Lease) -> None:
    try:
        works.store.runs.begin(works.run_id, lease)
        deliver(works.run_id, lease, lambda: False, works.ports)
    except Stopped:
        os._exit(1)
    finally:
        os._exit(0)


def nothing_left(works: Works) -> None:
    """The engine takes a moment to bury a step that it killed."""
    until = time.monotonic() + 10
    while (found := works.left()) and time.monotonic() < until:
        threading.Event().wait(0.1)
    assert found == [], works.run
