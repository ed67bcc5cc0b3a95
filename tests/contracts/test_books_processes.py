"""The books among processes: one is killed with -9 in the middle, several race, one is frozen with the lock in hand.

SHIPWAY_SWEEP=full kills five times.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from runners.store import Store, open_store
from runners.store.database import Database

ROOT = Path(__file__).parents[2]
KILLS = 5 if os.environ.get("SHIPWAY_SWEEP") == "full" else 2
pytestmark = pytest.mark.live  # seconds of interpreters starting; the fast check leaves them out
Start = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def start(books_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts an actor and waits until it is ready. All are gone afterwards."""
    actors: list[subprocess.Popen[str]] = []

    def run(what: str, argument: str) -> "subprocess.Popen[str]":
        words = [
            sys.executable,
            "-m",
            "tests.contracts.actor",
            what,
            books_url,
            str(tmp_path / "keys"),
            argument,
        ]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        actor = subprocess.Popen(words, cwd=ROOT, text=True, **pipes)
        actors.append(actor)
        assert actor.stdout is not None
        assert actor.stdout.readline() == "ready\n"
        return actor

    yield run
    for actor in actors:
        actor.kill()
        actor.communicate(timeout=10)


@pytest.mark.parametrize("turn", range(KILLS))
def test_what_was_acknowledged_survives_kill_9(start: Start, books: Store, turn: int):
    actor = start("receive", f"turn{turn}")
    assert actor.stdout is not None
    lines = [actor.stdout.readline() for _ in range(100)]
    actor.send_signal(signal.SIGKILL)
    lines += [line for line in actor.stdout.read().splitlines(keepends=True) if line.endswith("]\n")]

    acknowledged = [json.loads(line) for line in lines]

    kept = {one.key: (one.id, list(one.runs)) for one in books.inbox.deliveries(limit=100_000)}
    assert len(acknowledged) >= 100
    for key, number, runs in acknowledged:
        assert kept[key] == (number, runs)


def told_together(actors: "list[subprocess.Popen[str]]") -> list[tuple[int, list[int], bool, bool]]:
    """What each delivery of these processes was answered."""
    for actor in actors:
        assert actor.stdin is not None
        actor.stdin.write("go\n")
        actor.stdin.flush()
    lines = [line for actor in actors for line in actor.communicate(timeout=120)[0].splitlines()]
    assert [actor.returncode for actor in actors] == [0] * len(actors)
    return [tuple(json.loads(line)) for line in lines]


def test_a_hundred_deliveries_of_one_event_in_four_processes_are_one_run(start: Start, books: Store):
    answers = told_together([start("deliver", "a" * 40) for _ in range(4)])

    (run,) = books.runs.runs()
    assert len(answers) == 100
    ((_, runs),) = {
        (number, tuple(runs)) for number, runs, _, _ in answers
    }  # PostgreSQL counts those that lost the race, too
    assert runs == (run.id,)
    assert sorted(duplicate for _, _, duplicate, _ in answers) == [False] + [True] * 99
    assert not any(changed for *_, changed in answers)


def test_one_id_that_tells_two_things_in_four_processes_is_one_run_and_refused_to_the_other(
    start: Start, books: Store
):
    answers = told_together([start("deliver", commit * 40) for commit in "abab"])

    (run,) = books.runs.runs()
    assert run.commit in ("a" * 40, "b" * 40)
    assert sum(not duplicate for _, _, duplicate, _ in answers) == 1
    assert sum(changed for *_, changed in answers) == 50
    assert {tuple(runs) for _, runs, _, _ in answers} == {(run.id,)}


def test_eight_processes_never_hold_one_lease_at_once(start: Start, tmp_path: Path):
    actors = [start("race", str(tmp_path)) for _ in range(8)]
    for actor in actors:
        assert actor.stdin is not None
        actor.stdin.write("go\n")
        actor.stdin.flush()

    answers = [actor.communicate(timeout=120)[0].split() for actor in actors]

    assert [actor.returncode for actor in actors] == [0] * 8
    assert sorted(int(fence) for answer in answers for fence in answer) == list(range(1, 57))
    assert all(answer == sorted(answer, key=int) for answer in answers)


def test_a_frozen_process_does_not_stop_the_others_for_ever(start: Start, books: Store):
    """SQLite: a writer waits, and goes on when the frozen one is killed. PostgreSQL: nobody waits at all."""
    actor = start("hold", "")
    assert actor.stdout is not None
    assert actor.stdout.readline() == "held\n"
    os.kill(actor.pid, signal.SIGSTOP)
    killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {actor.pid}"])

    begun = time.monotonic()
    books.audit.note("mia", "look", "shop")

    assert time.monotonic() - begun < 10
    assert len(books.audit.entries()) == 1
    killer.wait(timeout=10)


def test_a_fork_in_the_middle_of_writes_gets_connections_of_its_own(start: Start, books: Store):
    actor = start("fork", "")

    failed, _ = actor.communicate(timeout=90)

    lines = books.audit.entries(limit=100_000)
    assert (actor.returncode, failed) == (0, "0\n")
    assert {line["target"] for line in lines if line["actor"] == "child"} == {str(n) for n in range(12)}
    assert len(books.inbox.deliveries()) == 12
    assert lines[0]["action"] == "end"


def test_processes_that_start_at_once_all_find_the_schema(tmp_path: Path, start: Start, books_url: str):
    _empty(books_url)
    actors = [start("migrate", "") for _ in range(4)]
    for actor in actors:
        assert actor.stdin is not None
        actor.stdin.write("go\n")
        actor.stdin.flush()

    for actor in actors:
        actor.communicate(timeout=60)

    assert [actor.returncode for actor in actors] == [0] * 4
    store = open_store(books_url, str(tmp_path / "keys"))
    assert store.runs.runs() == []
    store.close()


def _empty(url: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).unlink()
        return
    database = Database(url)
    database.write(lambda tx: tx.execute(text("DROP SCHEMA public CASCADE")))
    database.write(lambda tx: tx.execute(text("CREATE SCHEMA public")))
    database.close()
