"""Workers of a running Shipway: who is at work, kill -9 for them, and whether another one took their work up."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def asleep_at_work(house: House, queue: str) -> Iterator[list[int]]:
    """SIGSTOP for who is at work on this queue, and for those who would end what is frozen, as when a machine sleeps;
    the other workers go on. Gives the forks that do the work; SIGCONT at the end."""
    assert house.process
    busy = next(worker for worker in workers(house, queue) if children(worker))
    forks = children(busy)
    everybody = [house.process.pid, house.pid("crew"), busy, *forks]
    house.until("asleep outside of a transaction", lambda: _asleep(house, everybody), 10)
    try:
        yield forks
    finally:
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)


def _asleep(house: House, pids: list[int]) -> bool:
    """One that sleeps inside a SQLite transaction blocks every other writer until its supervisor kills it, which sleeps
    here too: that is another test's matter."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    database = sqlite3.connect(house.folder / "data" / "shipway.db", timeout=1, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        return False
    finally:
        database.close()
    return True


def workers(house: House, queue: str) -> list[int]:
    return [house.pid(f"{queue}-{number}") for number in NUMBERS]


def takings(house: House, noun: str, number: int) -> int:
    """How often a worker took up this run or deployment."""
    return len(re.findall(rf"{noun} taken up.* {noun}={number}\b", house.log(100_000)))
