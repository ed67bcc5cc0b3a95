"""A running Shipway without a lab: real processes, Redis, database and git; its builder's engine never answers.

A run therefore waits in its build stage, patiently, until somebody cancels it: what tests of the processes need.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.parts.house import House
from tests.parts.laboratory import LabHost, Laboratory

NOWHERE = "unix:///var/empty/shipway-test/docker.sock"


class Workshop(House):
    """`pid("deliver-1")` of a part, `horse("deliver-1")` of the fork at work under it."""

    def __init__(self, folder: Path, repository: Path) -> None:
        host = LabHost("web-1", NOWHERE, "127.0.0.1", {})
        images = {"haproxy": "haproxy:3.2"}
        lab = Laboratory(folder, "namespaces", (host,), NOWHERE, "127.0.0.1:1", images, {}, None, None)
        super().__init__(folder, lab, repository)

    def sweep(self) -> None:
        """Nothing was made on any engine."""

    def pid(self, part: str) -> int:
        """Of the last process that was started under this name."""
        return int(re.findall(rf"process started child={part} pid=(\d+)", self.log(10000))[-1])

    def horse(self, part: str) -> int:
        """Waits for it."""
        parent = self.pid(part)
        self.until(f"work under {part}", lambda: bool(children(parent)), 15)
        return children(parent)[0]

    def workers_at(self, run: int, beside: int = 0) -> int:
        """The pid of the fork that works on a run: the one under a deliver worker that is not `beside`."""
        found: list[int] = []

        def look() -> bool:
            found.extend(
                pid
                for part in ("deliver-1", "deliver-2")
                for pid in children(self.pid(part))
                if pid != beside
            )
            return bool(found)

        self.until(f"somebody at run {run}", look, 20)
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
