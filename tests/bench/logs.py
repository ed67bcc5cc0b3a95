"""What following 100 growing logs costs the server, beside one `tail -f` of the same files, and how fast a log is written with
secrets to hide, beside the same without. CPU time; no lab: a real `shipway serve`, SQLite, and followers over sockets."""

import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from pipeline.delivery.run import NewRun
from runners.log_store import FileLogs
from runners.mask import StreamMask
from runners.store import Store, open_store

FOLLOWED = 100
SECONDS = float(os.environ.get("SHIPWAY_BENCH_SECONDS", "30"))
LINE = (
    "#12 4.217 Collecting package from https://files.example.com/packages/3f/a1/package-1.2.3.whl (124 kB)\n"
)
TICK = os.sysconf("SC_CLK_TCK")
WRITTEN = 16 << 20  # bytes
PIECE = LINE * 40  # what an engine gives at once
SECRETS = [f"{number:02d}-a/Secret+of&many-characters-{number * 7919:06x}" for number in range(7)]


@dataclass
class Following:
    server: float  # share of a core
    tail: float
    late: list[float]  # seconds from the append to the follower, sorted
    received: int  # bytes, of frames


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    try:
        store = open_store(f"sqlite:///{folder}/data/shipway.db", str(folder / "data/keys"))
        store.migrate()
        with _served(folder) as (port, server):
            print(
                _told(f"{FOLLOWED} logs, each a line a second", _measured(folder, store, port, server, 1.0))
            )
            print(_told(f"{FOLLOWED} logs, quiet", _measured(folder, store, port, server, 0.0)))
        store.close()
        print(_appending(folder))
    finally:
        shutil.rmtree(folder)
    return 0


@contextmanager
def _served(folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of a server on the data folder."""
    with socket.create_server(("127.0.0.1", 0), backlog=FOLLOWED) as listener:
        port = listener.getsockname()[1]
        config = folder / "shipway.yml"
        config.write_text(
            f"server: {{data: {folder}/data, listen: '127.0.0.1:{port}', redis: 'redis://127.0.0.1:1'}}\n"
        )
        words = ["--config", str(config), "serve", "--fd", str(listener.fileno())]
        program = [sys.executable, "-c", "from pipeline.cli import main; main()", *words]
        child = subprocess.Popen(program, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        try:
            yield port, child.pid
        finally:
            child.terminate()
            child.wait(15)


def _measured(folder: Path, store: Store, port: int, server: int, rate: float) -> Following:
    token = store.tokens.create(f"bench-{rate:g}", "viewer", ())
    logs = FileLogs(f"{folder}/data/logs")
    runs = [
        store.runs.add(NewRun("shop", f"e{n}-{rate:g}", "branch", "main", "c" * 40, "x")).id
        for n in range(FOLLOWED)
    ]
    for run in runs:
        logs.append(run, "checkout", LINE)
        logs.close(run, "checkout")
        logs.append(run, "build", LINE)
    files = [str(next(Path(folder, "data/logs").glob(f"*/{run}/*-build.log"))) for run in runs]
    with selectors.DefaultSelector() as followers:
        streams = [_follower(port, run, token) for run in runs]
        for run, stream in zip(runs, streams, strict=True):
            followers.register(stream, selectors.EVENT_READ, run)
        tail = subprocess.Popen(["tail", "-q", "-f", *files], stdout=subprocess.DEVNULL)
        _listen(followers, {}, [], time.monotonic() + 3)
        before = _cpu(server), _cpu(tail.pid)
        late, received = _grow(logs, runs, followers, rate)
        spent = _cpu(server) - before[0], _cpu(tail.pid) - before[1]
        tail.terminate()
        tail.wait()
        for stream in streams:
            stream.close()
    return Following(spent[0] / SECONDS, spent[1] / SECONDS, sorted(late), received)


def _follower(port: int, run: int, token: str) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = f"GET /api/v1/runs/{run}/log?follow=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    stream.sendall(head.encode())
    assert b"retry:" in _until(stream, b"retry: 1000\n\n"), "the server did not take the follower"
    return stream


def _until(stream: socket.socket, mark: bytes) -> bytes:
    heard = b""
    while mark not in heard and (data := stream.recv(1 << 16)):
        heard += data
    return heard


def _grow(
    logs: FileLogs, runs: list[int], followers: selectors.BaseSelector, rate: float
) -> tuple[list[float], int]:
    """A line to each log in turn, evenly spread; in between everything that comes is read."""
    late, written, received = list[float](), dict[int, float](), 0
    begin = time.monotonic()
    count = int(SECONDS * rate) * len(runs)
    for number in range(count):
        received += _listen(followers, written, late, begin + number / (rate * len(runs)))
        run = runs[number % len(runs)]
        written.setdefault(run, time.monotonic())
        logs.append(run, "build", LINE)
    return late, received + _listen(followers, written, late, begin + SECONDS)


def _listen(
    followers: selectors.BaseSelector, written: dict[int, float], late: list[float], until: float
) -> int:
    received = 0
    while (left := until - time.monotonic()) > 0:
        for key, _ in followers.select(left):
            data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
            assert data, "the server hung up"
            received += len(data)
            if b"data:" in data and key.data in written:
                late.append(time.monotonic() - written.pop(key.data))
    return received


def _told(what: str, found: Following) -> str:
    ratio = f"{found.server / found.tail:.0f}" if found.tail else "more than 100"
    lines = [
        f"\n{what}, a follower each, {SECONDS:g} s; load average {os.getloadavg()[0]:.1f}",
        f"  server {found.server * 100:.2f} % of a core, tail -f {found.tail * 100:.2f} %, ratio {ratio}",
    ]
    if late := found.late:
        lines.append(
            f"  {len(late)} times news, {found.received / 1e6:.2f} MB; late by {late[len(late) // 2]:.3f} s (median), "
            f"{late[int(len(late) * 0.99)]:.3f} s (99 %)"
        )
    return "\n".join(lines)


def _appending(folder: Path) -> str:
    def plain() -> None:
        with (folder / "plain.log").open("ab", buffering=0) as file:
            for _ in range(WRITTEN // len(PIECE)):
                file.write(PIECE.encode())

    def kept(secrets: list[str]) -> None:
        logs = FileLogs(tempfile.mkdtemp(dir=folder), limit_bytes=2 * WRITTEN)
        logs.hide(secrets)
        for _ in range(WRITTEN // len(PIECE)):
            logs.append(1, "build", PIECE)

    def unmasked() -> None:
        with patch.object(StreamMask, "feed", lambda _, text: text):
            kept([])

    ways: list[tuple[str, Callable[[], None]]] = [
        ("without masking", unmasked),
        ("no secret", lambda: kept([])),
        ("1 secret", lambda: kept(SECRETS[:1])),
        ("7 secrets", lambda: kept(SECRETS)),
        ("a file, no more", plain),
    ]
    speeds = {name: WRITTEN / min(_spent(way) for _ in range(3)) / 1e6 for name, way in ways}
    base = speeds["without masking"]
    lines = [
        f"\nAppending {WRITTEN >> 20} MiB in pieces of {len(PIECE)} bytes, MB a second of CPU, least of 3"
    ]
    return "\n".join(
        [*lines, *(f"{name:>18}{speed:9.0f}{speed / base:8.2f}" for name, speed in speeds.items())]
    )


def _spent(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _cpu(pid: int) -> float:
    """Seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / TICK
