"""A process of its own over the books, for tests that kill it or let several race: `python -m tests.contracts.actor`."""

import json
import os
import sys
import time
from pathlib import Path
from threading import Barrier, Event, Thread

from pipeline.errors import RunnerError
from runners.store import Store, open_store
from tests.contracts.samples import delivery, new_run


def receive(store: Store, prefix: str) -> None:
    """Say every id that was acknowledged, until killed."""

    def keep_on(thread: int) -> None:
        for number in range(1_000_000):
            key = f"{prefix}-{thread}-{number}"
            received = store.inbox.receive(delivery(key, runs=(new_run(service=f"s{thread}"),)))
            sys.stdout.write(json.dumps([key, received.id, received.runs]) + "\n")
            sys.stdout.flush()

    threads = [Thread(target=keep_on, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def deliver(store: Store, told: str) -> None:
    """Twenty-five threads deliver one id at one moment, `told` is the commit; say what each was answered. Every other one
    does it at once, if it can."""
    sys.stdin.readline()
    answers: list[str] = []
    gate = Barrier(25)

    def one(number: int) -> None:
        gate.wait(30)
        mine = delivery("the-same", runs=(new_run(commit=told),))
        at_once = store.inbox.receive_at_once([mine]) if number % 2 else None
        received = at_once[0] if at_once else store.inbox.receive(mine)
        answers.append(json.dumps([received.id, received.runs, received.duplicate, received.changed]))

    threads = [Thread(target=one, args=(number,)) for number in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write("\n".join(answers) + "\n")


def race(store: Store, folder: str) -> None:
    """Win the lease `k` seven times, with nobody else inside; say each fence."""
    sys.stdin.readline()
    inside = Path(folder) / "inside"
    for _ in range(7):
        while (lease := store.leases.take("k", f"{id(store)}-{time.monotonic_ns()}", 20)) is None:
            time.sleep(0.003)
        inside.touch(exist_ok=False)
        sys.stdout.write(f"{lease.fence}\n")
        inside.unlink()
        store.leases.give_back(lease)


def migrate(store: Store, _: str) -> None:
    sys.stdin.readline()
    store.migrate()


def hold(store: Store, _: str) -> None:
    """Stand still inside a write transaction."""
    store._database.write(lambda tx: (sys.stdout.write("held\n"), sys.stdout.flush(), time.sleep(60)))


def fork(store: Store, _: str) -> None:
    """Children of a process whose threads write all the time write too; says how many of them failed."""
    done = Event()

    def keep_on() -> None:
        while not done.is_set():
            store.audit.note("parent", "write", "x")

    threads = [Thread(target=keep_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    children = [_child(store, number) for number in range(12)]
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    done.set()
    for thread in threads:
        thread.join()
    store.audit.note("parent", "end", "x")
    sys.stdout.write(f"{failed}\n")


def _child(store: Store, number: int) -> int:
    child = os.fork()
    if child:
        return child
    store.audit.note("child", "write", str(number))
    store.inbox.receive(delivery(f"child-{number}"))
    os._exit(0)


ACTS = {
    **{"receive": receive, "race": race, "migrate": migrate, "hold": hold, "fork": fork},
    "deliver": deliver,
}


def main(what: str, url: str, keys: str, argument: str) -> None:
    store = open_store(url, keys)
    if what != "migrate":
        store.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        ACTS[what](store, argument)
    except RunnerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
