"""A running Shipway without a lab: real processes, Redis, database and git; its builder's engine never answers.

A run therefore waits in its build stage, patiently, until somebody cancels it: what tests of the processes need.
"""

import time
from collections.abc import Callable
from pathlib import Path

from tests.parts.house import House
from tests.parts.laboratory import LabHost, Laboratory

NOWHERE = "unix:///var/empty/shipway-test/docker.sock"


class Workshop(House):
    """`pid("deliver-1")` of a part, `builder_at_work()` for the one that has something to do."""

    def __init__(self, folder: Path, repository: Path) -> None:
        host = LabHost("web-1", NOWHERE, "127.0.0.1", {})
        images = {"haproxy": "haproxy:3.2"}
        lab = Laboratory(folder, "namespaces", (host,), NOWHERE, "127.0.0.1:1", images, {}, None, None)
        super().__init__(folder, lab, repository)

    def sweep(self) -> None:
        """Nothing was made on any engine."""

    def beat(self, part: str) -> Path:
        """Where it gives its signs of life."""
        return self.folder / "data" / "run" / f"{part}.beat"

    def builder_at_work(self, beside: int = 0) -> tuple[int, int]:
        """(worker, its fork) of the deliver worker that has something to do, and whose fork is not `beside`."""
        found: list[tuple[int, int]] = []

        def look() -> bool:
            workers = [self.pid(part) for part in ("deliver-1", "deliver-2")]
            found.extend((w, fork) for w in workers for fork in children(w) if fork != beside)
            return bool(found)

        self.until("a builder at work", look, 20)
        return found[0]

    def started_run(self) -> int:
        """A run that waits in its build stage."""
        run = int(self.post(f"{self.environment}/runs", {"ref": "main"})["run"])
        self.until("the run builds", lambda: self.stage(run, "build") == "running", 40, self.log)
        return run

    def stage(self, run: int, name: str) -> str:
        stages = self.get(f"/runs/{run}")["stages"]
        return next(str(stage["status"]) for stage in stages if stage["name"] == name)

    def attempt(self, run: int) -> int:
        return int(self.get(f"/runs/{run}")["attempt"])

    def everybody(self) -> list[int]:
        """Every process that works for this folder."""
        return [pid for pid in processes() if str(self.folder) in command_of(pid)]


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid: int) -> bool:
    """A zombie is as dead as one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], seconds: float) -> bool:
    return within(seconds, lambda: not any(alive(pid) for pid in pids))


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
