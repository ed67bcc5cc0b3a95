"""Workers of a running Shipway: who is at work, kill -9 for them, and whether another one took their work up."""

import os
import re
import signal
import time

from tests.parts.house import House
from tests.parts.workshop import children

NUMBERS = (1, 2)  # as many workers as `shipway up` starts for a queue


def kill_at_work(house: House, queue: str) -> float:
    """kill -9 each worker of this queue that has something to do; what it does dies with it. Returns when that was."""
    busy = [worker for worker in workers(house, queue) if children(worker)]
    assert busy, f"no worker of {queue} has anything to do:\n{house.log()}"
    for worker in busy:
        os.kill(worker, signal.SIGKILL)
    return time.monotonic()


def workers(house: House, queue: str) -> list[int]:
    return [house.pid(f"{queue}-{number}") for number in NUMBERS]


def takings(house: House, noun: str, number: int) -> int:
    """How often a worker took up this run or deployment."""
    return len(re.findall(rf"{noun} taken up.* {noun}={number}\b", house.log(100_000)))
