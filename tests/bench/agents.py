"""What the way to an engine costs: a quick question, and bytes either way, by unix socket, plain tcp, TLS, ssh forward,
agent, and an agent over another machine; all engines are on this machine, so what is compared is the way alone. And the
agent's memory and idle CPU."""

import io
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from docker import APIClient

from tests.bench.idle import TICK
from tests.parts.laboratory import Laboratory, laboratory
from tests.parts.roads import DialledHost, Road

WAYS = ("unix", "tcp", "tls", "ssh", "agent", "peer")
CALLS = 200
BYTES = 64 << 20
ROUNDS = 3
IDLE = float(os.environ.get("SHIPWAY_BENCH_SECONDS", "60"))


def main() -> int:
    lab = laboratory()
    found = {way: _measured(lab, way) for way in WAYS}
    print(
        f"\n{'way':>8}{'call, ms':>12}{'× unix':>9}{'down, MB/s':>13}{'× unix':>9}{'up, MB/s':>12}{'× unix':>9}"
    )
    for way, (call, down, up) in found.items():
        base = found["unix"]
        figures = f"{call * 1000:12.2f}{call / base[0]:9.1f}{down:13.0f}{down / base[1]:9.2f}{up:12.0f}{up / base[2]:9.2f}"
        print(f"{way:>8}{figures}")
    print(_idle(lab))
    return 0


def _measured(lab: Laboratory, way: str) -> tuple[float, float, float]:
    """Seconds of a call, MB/s down, MB/s up. Down: an image out of the engine; up: a file into a container."""
    road = Road(lab, way)
    try:
        client = road.reach.client(road.host)
        for image in ("python", "busybox"):
            client.pull(*lab.images[image].rsplit(":", 1))
        container = client.create_container(lab.images["busybox"], ["true"])
        try:
            call = median(_timed(client.ping) for _ in range(CALLS))
            size = sum(len(piece) for piece in client.get_image(lab.images["python"]))
            down = max(size / 1e6 / _timed(lambda: _drain(client, lab)) for _ in range(ROUNDS))
            data = _tar()
            up = max(
                len(data) / 1e6 / _timed(lambda: client.put_archive(container, "/", data))
                for _ in range(ROUNDS)
            )
        finally:
            client.remove_container(container, force=True)
        return call, down, up
    finally:
        road.reach.close()
        road.close()


def _drain(client: APIClient, lab: Laboratory) -> None:
    for _ in client.get_image(lab.images["python"]):
        pass


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("bench")
        entry.size = BYTES
        tar.addfile(entry, io.BytesIO(os.urandom(BYTES)))
    return out.getvalue()


def _timed(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began


def _idle(lab: Laboratory) -> str:
    dialled = DialledHost(lab, lab.hosts[0])
    try:
        pid = dialled.agent.process.pid
        before = _ticks(pid)
        time.sleep(IDLE)
        spent = (_ticks(pid) - before) / TICK
        own, all_of_it = (_memory(pid, kind) for kind in ("Pss", "Rss"))
    finally:
        dialled.reach.close()
        dialled.close()
    cost = f"{spent:.2f} s of CPU ({spent / IDLE:.2%} of a core)"
    return f"agent, idle for {IDLE:g} s: {cost}, {own:.1f} MiB, or {all_of_it:.1f} with libraries that others use too"


def _memory(pid: int, kind: str) -> float:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(f"{kind}:")) / 1024


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13]))
