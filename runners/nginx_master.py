"""An nginx on this machine as a process: is its configuration good, let it load it, which of its workers take requests.

A reload can be ignored with exit code 0; what proves it is that every worker was replaced. It never writes a file.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigRefused, Rejected, Unreachable

_TIMEOUT = 15.0  # seconds, for a check and for a reload to be served
_PAUSE = 0.02
_PID = re.compile(r"^\s*pid\s+([^;]+);", re.MULTILINE)
_LEAVING = "is shutting down"
_WORKER = "nginx: worker process"
_TICK = 1.0  # how exactly the start of a process and the time of a file can be compared


@dataclass(frozen=True)
class Worker:
    pid: int
    leaving: bool  # it only finishes what is under way
    started: float  # seconds since the epoch


class NginxMaster:
    """`configuration`: the path of its nginx.conf."""

    def __init__(self, configuration: Path) -> None:
        self.configuration = configuration
        self._pid_file: Path | None = None

    def dump(self) -> str:
        """The whole configuration as nginx reads it, with the files it comes from. Raises `ConfigRefused` when it does
        not load."""
        done = self._run("-T", "-q")
        if done.returncode:
            raise ConfigRefused(f"nginx does not load {self.configuration}: {done.stderr.strip()}")
        return done.stdout

    def workers(self) -> tuple[Worker, ...]:
        """Raises `Unreachable` when it does not run."""
        children = Path(f"/proc/{self._master()}/task/{self._master()}/children")
        try:
            pids = [int(word) for word in children.read_text().split()]
        except OSError as error:
            raise Unreachable(f"nginx of {self.configuration} does not run: start it.") from error
        found = [_worker(pid) for pid in pids]
        return tuple(worker for worker in found if worker)

    def loaded(self, file: Path) -> bool:
        """Whether every worker that takes requests began after the file was last changed."""
        changed = file.stat().st_mtime
        taking = [worker for worker in self.workers() if not worker.leaving]
        return bool(taking) and all(worker.started + _TICK >= changed for worker in taking)

    def reload(self) -> None:
        """Returns when no worker of before takes requests any more."""
        before = {worker.pid for worker in self.workers() if not worker.leaving}
        done = self._run("-s", "reload")
        if done.returncode:
            raise Unreachable(f"nginx of {self.configuration} was not reloaded: {done.stderr.strip()}")
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            taking = {worker.pid for worker in self.workers() if not worker.leaving}
            if taking and not taking & before:
                return
            time.sleep(_PAUSE)
        raise Unreachable(
            f"nginx of {self.configuration} still works with the configuration of before, {_TIMEOUT:g} s after its "
            "reload; its error log says why."
        )

    def _master(self) -> int:
        try:
            return int(self._where().read_text())
        except (OSError, ValueError) as error:
            raise Unreachable(f"nginx of {self.configuration} does not run: start it ({error}).") from error

    def _where(self) -> Path:
        if self._pid_file is None:
            found = _PID.search(self.dump())
            default = re.search(r"--pid-path=(\S+)", self._run("-V").stderr)
            if not found and not default:
                raise Rejected(
                    f"{self.configuration} does not say where nginx keeps its pid; write `pid PATH;`."
                )
            self._pid_file = Path(found[1] if found else default[1] if default else "")
        return self._pid_file

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
        if program is None:
            raise Rejected(
                "There is no nginx on this machine; kind nginx needs Shipway and nginx on one machine."
            )
        try:
            return subprocess.run(
                [program, "-c", str(self.configuration), *words],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"nginx {' '.join(words)} did not end within {_TIMEOUT:g} s.") from error


def _worker(pid: int) -> Worker | None:
    """None when it is no worker, or gone by now."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_text()
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError):
        return None
    if _WORKER not in title:
        return None
    up = float(Path("/proc/uptime").read_text().split()[0])
    started = time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
    return Worker(pid, _LEAVING in title, started)
