"""What Shipway costs while nothing happens: CPU and memory of `shipway up` with web, worker, scheduler and Redis over two
minutes (one look for lost webhooks, four at the hosts), how long a run waits until a worker begins it, and how long a worker
takes until its code is there. The baseline of the import is an interpreter that imports nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from statistics import median

from tests.parts.house import House, ending
from tests.parts.laboratory import laboratory
from tests.parts.repository import SampleRepository

SECONDS = float(os.environ.get("SHIPWAY_BENCH_SECONDS", "120"))
SETTLE = 5.0  # seconds after it is ready: the first looks at hosts are no idleness
IMPORTS = 5
RUNS = 10
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    try:
        shop = SampleRepository(folder / "shop", folder / "shop.git")
        shop.create()
        shop.commit("v1")
        shop.push()
        house = House(folder / "house", laboratory(), shop.remote)
        with ending(house):
            house.start()
            time.sleep(SETTLE)
            print(_idle(house))
            print(_begun(house))
        print(_loaded())
    finally:
        shutil.rmtree(folder)
    return 0


def _idle(house: House) -> str:
    assert house.process
    names = {house.process.pid: "supervisor", **house.parts()}
    pids = list(_family(house.process.pid))
    before = {pid: _cpu(pid) for pid in pids}
    time.sleep(SECONDS)
    spent = {pid: _cpu(pid) - before[pid] for pid in pids}
    lines = [
        f"\n`shipway up`, idle for {SECONDS:g} s, one service on three hosts; load average {os.getloadavg()[0]:.1f}",
        f"{'process':>12}{'CPU % of a core':>18}{'proportional MiB':>18}",
        *(f"{names[pid]:>12}{spent[pid] / SECONDS * 100:18.2f}{_memory(pid):18.1f}" for pid in pids),
        f"{'sum':>12}{sum(spent.values()) / SECONDS * 100:18.2f}{sum(map(_memory, pids)):18.1f}",
    ]
    return "\n".join(lines)


def _begun(house: House) -> str:
    """From the row in the books to the worker's first write about it. Each run is cancelled, so nothing is built."""
    waits = sorted(_wait(house) for _ in range(RUNS))
    return f"a run begins {median(waits):.3f} s after it was queued, {waits[-1]:.3f} s at most ({RUNS} runs)"


def _wait(house: House) -> float:
    number = house.post(f"{house.environment}/runs", {"ref": "main"})["run"]
    house.until("the run has begun", lambda: bool(house.get(f"/runs/{number}")["started_at"]), 30)
    house.post(f"/runs/{number}/cancel")
    run = house.finished_run(number)
    queued, begun = (datetime.fromisoformat(run[name]) for name in ("created_at", "started_at"))
    return (begun - queued).total_seconds()


def _loaded() -> str:
    bare, worker = _processor("pass"), _processor("from pipeline.cli import load; load('work')")
    return f"import of the worker: {worker:.2f} s of CPU, {worker / bare:.1f} x an empty interpreter ({bare:.3f} s)"


def _family(pid: int) -> Iterator[int]:
    """The process and all that it started."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _cpu(pid: int) -> float:
    """Seconds, with those of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def _memory(pid: int) -> float:
    """What forks share counts once: MiB of the proportional set; 0 of one that ended while we looked."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def _processor(code: str) -> float:
    """Seconds of CPU of a fresh interpreter, the least of a few."""
    return min(_interpreter(code) for _ in range(IMPORTS))


def _interpreter(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import time; print(time.process_time())"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return float(done.stdout)
