"""What the control plane costs at 1,000 hosts, 200 services and 10,000 runs a day, beside 10 hosts and 5 services in the same
run, on SQLite and on PostgreSQL. No lab: engines are stand-ins that answer as late as real ones. Memory and webhooks are
those of a real `shipway up` with a file of that size."""

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from flask.testing import FlaskClient

from pipeline.rollout.tend import tend
from pipeline.scheduler import Waker
from pipeline.web.app import create_app
from runners.kept import kept_of_runs
from runners.store import Store, open_store
from tests.bench import hook_body
from tests.bench.hook_load import HookLoad
from tests.bench.idle import _family, _memory
from tests.bench.large_fleet import LateEngines, Size, bring_all_live, one_run, ports_of
from tests.bench.receivers import Receiver
from tests.parts.control_plane import Postgres
from tests.parts.house import SHIPWAY

SMALL, LARGE = Size(10, 5), Size(1000, 200)
RUNS = int(os.environ.get("SHIPWAY_BENCH_RUNS", "500"))  # of a day's 10,000; growth is told for all of them
A_DAY = 10_000
PAGES = ("/api/v1/overview", "/api/v1/services", "/api/v1/hosts", "/api/v1/runs", "/metrics")
BURST, BURSTS = 200, 3  # webhooks at once
PASSWORD = "correct horse battery staple"

Figures = dict[str, float]


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    postgres = Postgres()
    logging.getLogger("shipway").setLevel(logging.CRITICAL)  # a tenth of the hosts is silent on purpose
    try:
        postgres.start()
        for kind in ("SQLite", "PostgreSQL"):
            both = [_measured(kind, size, folder, postgres) for size in (SMALL, LARGE)]
            print(_told(kind, *both), flush=True)
        print(_told("processes", *(_processes(size, folder) for size in (SMALL, LARGE))), flush=True)
    finally:
        postgres.stop()
        shutil.rmtree(postgres.home, ignore_errors=True)
        shutil.rmtree(folder)
    return 0


def _measured(kind: str, size: Size, folder: Path, postgres: Postgres) -> Figures:
    with _books(kind, size, folder, postgres) as (store, weight):
        kept, engines = kept_of_runs(str(folder / f"{kind}-{size.hosts}"), store), LateEngines()
        ports = ports_of(size, store, kept.logs, kept.artifacts, engines)
        bring_all_live(ports)
        before, begun = weight(), time.monotonic()
        for number in range(RUNS):
            one_run(number, ports, store)
        found = {
            "a run's writes, ms": (time.monotonic() - begun) / RUNS * 1000,
            "growth a day, MB": (weight() - before) / RUNS * A_DAY / 1e6,
        }
        found["scheduler's look for work, ms"] = (
            _taken(lambda: Waker(ports).wake_due(time.monotonic()), 5) * 1000
        )
        found["look at the hosts, s"] = _taken(lambda: tend(ports))
        engines.silent = frozenset(list(ports.settings.hosts)[::10])
        found["… a tenth of them silent, s"] = _taken(lambda: tend(ports))
        found["… and still silent, s"] = _taken(lambda: tend(ports))
        engines.silent = frozenset()
        client, token = create_app(ports).test_client(), store.tokens.create("bench", "admin", ())
        found |= {f"{path}, ms": _page(client, path, token) for path in PAGES}
        return found


@contextmanager
def _books(
    kind: str, size: Size, folder: Path, postgres: Postgres
) -> Iterator[tuple[Store, Callable[[], int]]]:
    """And how many bytes they take."""
    if kind == "SQLite":
        data = folder / f"{kind}-{size.hosts}"
        data.mkdir()
        url = f"sqlite:///{data}/shipway.db"

        def weight() -> int:
            return sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    else:
        name = f"sizes{size.hosts}"
        postgres.query(f"CREATE DATABASE {name}")
        url = postgres.url.replace("/postgres?", f"/{name}?")

        def weight() -> int:
            return int(postgres.query(f"SELECT pg_database_size('{name}')"))

    store = open_store(url, str(folder / f"keys-{kind}-{size.hosts}"))
    store.migrate()
    try:
        yield store, weight
    finally:
        store.close()


def _taken(work: Callable[[], object], times: int = 1) -> float:
    """Seconds, the median."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return median(found)


def _page(client: FlaskClient, path: str, token: str) -> float:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def ask() -> None:
        answer = client.get(path, headers=headers)
        assert answer.status_code in (200, 302, 303), answer.text

    ask()  # the first one asks all hosts
    return _taken(ask, 3) * 1000


# ------------------------------------------------------------------------------------------------ real processes


def _processes(size: Size, folder: Path) -> Figures:
    home = folder / f"up-{size.hosts}"
    home.mkdir()
    receiver = Receiver("Shipway", "/hooks/gitlab", home)
    file = home / "shipway.yml"
    file.write_text(json.dumps(_config(size, receiver.port, home)))
    receiver.start(str(SHIPWAY), "--config", str(file), "up", seconds=120)
    try:
        waits = [wait for burst in range(BURSTS) for wait in _burst(receiver, burst)]
        pids = list(_family(receiver.processes[0].pid))
        return {
            f"{BURST} webhooks at once, median ms": median(waits) * 1000,
            f"{BURST} webhooks at once, last ms": max(waits) * 1000,
            "memory of all processes, MiB": sum(map(_memory, pids)),
            "memory of the largest, MiB": max(map(_memory, pids)),
        }
    finally:
        receiver.stop()


def _burst(receiver: Receiver, burst: int) -> list[float]:
    numbers = count(burst * BURST)
    load = HookLoad(receiver.port, lambda number: hook_body.request(number, receiver.path), connections=BURST)
    sent = load.run(iter([next(numbers) for _ in range(BURST)]))
    assert len(sent.acknowledged) == BURST, sent.statuses
    return sent.waits


def _config(size: Size, port: int, home: Path) -> dict[str, Any]:
    names = [f"web-{n}" for n in range(size.hosts)]
    services = {}
    for number in range(size.services):
        project = hook_body.PROJECT if number == 0 else f"acme/service-{number}"
        repository = {"url": str(home / "nowhere.git"), "forge": "gitlab", "project": project, "poll": "off"}
        mine = [names[(number * 5 + at) % len(names)] for at in range(min(10, len(names)))]
        services[f"service-{number}"] = {
            "repository": repository | {"secret": hook_body.SECRET},
            "environments": {"production": {"branches": ["main"], "hosts": mine}},
        }
    return {
        "server": {"url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}", "data": "data"},
        "hosts": {name: {"engine": "tcp://127.0.0.1:1", "address": "127.0.0.1"} for name in names},
        "services": services,
    }


def _told(kind: str, small: Figures, large: Figures) -> str:
    lines = [
        f"\n{kind}; load average {os.getloadavg()[0]:.1f}",
        f"| | {SMALL.hosts} hosts, {SMALL.services} services | {LARGE.hosts}, {LARGE.services} | ratio |",
        "|---|---|---|---|",
    ]
    for name, value in small.items():
        ratio = large[name] / value if value else 0.0
        lines.append(f"| {name} | {value:.1f} | {large[name]:.1f} | {ratio:.1f} × |")
    return "\n".join(lines)
