"""The supervisor as a process of its own, with real children that behave badly."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.supervisor import ChildPlan, execute, write_plan

LIVES = "import time; time.sleep(60)"
IGNORES_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


class Running:
    """A supervisor as its own process, and what it wrote."""

    def __init__(self, folder: Path, plans: list[ChildPlan]) -> None:
        write_plan(plans, folder / "plan.json")
        self.log = folder / "log"
        with self.log.open("wb") as log:
            words = [sys.executable, "-P", "-m", "pipeline.supervisor", str(folder / "plan.json")]
            environment = os.environ | {"SHIPWAY_LOG_FORMAT": "json"}
            self.process = subprocess.Popen(words, stderr=log, env=environment)

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def pids(self) -> list[int]:
        return [int(str(event["pid"])) for event in self.events("process started")]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[list[ChildPlan]], Running]]:
    running: list[Running] = []

    def start(plans: list[ChildPlan]) -> Running:
        running.append(Running(tmp_path, plans))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait(5)


def python(name: str, code: str) -> ChildPlan:
    return ChildPlan(name, (sys.executable, "-c", code))


def eventually(done: Callable[[], object], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_killed_supervisor_takes_its_children_along(run: Callable[[list[ChildPlan]], Running]) -> None:
    running = run([python("a", LIVES), python("b", IGNORES_SIGTERM)])
    assert eventually(lambda: len(running.pids()) == 2)

    running.process.kill()

    assert eventually(lambda: all(dead(pid) for pid in running.pids()), 5)


def test_sigterm_ends_the_obedient_at_once_and_the_others_within_ten_seconds(
    run: Callable[[list[ChildPlan]], Running],
) -> None:
    running = run([python("obedient", LIVES), python("stubborn", IGNORES_SIGTERM)])
    assert eventually(lambda: len(running.pids()) == 2)
    time.sleep(0.5)  # the stubborn one must have got to its first line; nothing tells us

    begun = time.monotonic()
    running.process.terminate()
    code = running.process.wait(15)

    assert code == 0
    assert time.monotonic() - begun < 10
    assert [event["child"] for event in running.events("process killed")] == ["stubborn"]
    assert all(dead(pid) for pid in running.pids())


def test_sighup_restarts_everything_but_what_ends_last(run: Callable[[list[ChildPlan]], Running]) -> None:
    kept = ChildPlan("redis", (sys.executable, "-c", LIVES), last=True)
    running = run([kept, python("server", LIVES)])
    assert eventually(lambda: len(running.pids()) == 2)

    running.process.send_signal(signal.SIGHUP)

    assert eventually(lambda: len(running.pids()) == 3)
    assert [event["child"] for event in running.events("process started")] == ["redis", "server", "server"]
    assert not running.events("process died")


def test_a_program_that_is_not_ours_gets_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_URL", "hush")
    out = {name: tmp_path / name for name in ("ours", "foreign")}

    for name, path in out.items():
        words = ("sh", "-c", f"env > {path}")
        assert execute(ChildPlan(name, words, foreign=name == "foreign")).wait() == 0

    assert "DB_URL=hush" in out["ours"].read_text()
    assert "hush" not in out["foreign"].read_text()
    assert "PATH=" in out["foreign"].read_text()
