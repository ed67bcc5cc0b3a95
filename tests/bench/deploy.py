"""Push to live, and back by hand, on 3 hosts × 2 replicas of the sample service: Shipway against the same work typed by hand
in the best order (build, push, pulls on all hosts together, starts of all replicas together). The hand's row is the baseline:
it runs no tests and no health check, switches no proxy, watches and stops nothing, so it is less work than any deployment."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.contestant import REPLICAS, docker
from tests.parts.house import House, ending
from tests.parts.laboratory import LabHost, Laboratory, laboratory
from tests.parts.repository import SampleRepository

MINIMUM = {"healthy_for": "0s", "bake": "0s", "batch": "100%", "drain_timeout": "10s"}
ROUNDS = int(os.environ.get("SHIPWAY_BENCH_ROUNDS", "3"))
LABEL = "bench=by-hand"


def main() -> int:
    lab, folder = laboratory(), Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    shop = SampleRepository(folder / "shop", folder / "shop.git")
    try:
        shop.create()
        hand = min(_timed(lambda at=at: _by_hand(lab, shop, f"hand{at}")) for at in range(ROUNDS))
        house = House(folder / "house", lab, shop.remote)
        house.production["rollout"] = dict(MINIMUM)
        with ending(house):
            house.start()
            _deployed(house, shop, "v0")
            ours = min(_timed(lambda at=at: _deployed(house, shop, f"v{at + 1}")) for at in range(ROUNDS))
            back = min(_timed(lambda: _back(house)) for _ in range(ROUNDS))
            print(_told({"by hand": hand, "push to live": ours, "back by hand, cold": back}))
            print("\n".join(_where(house)))
    finally:
        _cleared(lab)
        shutil.rmtree(folder)
    return 0


def _timed(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def _by_hand(lab: Laboratory, shop: SampleRepository, version: str) -> None:
    (shop.tree / "VERSION").write_text(version)
    tag = f"{lab.registry}/bench/by-hand:{version}"
    docker(lab.builder, "build", "-q", "-t", tag, str(shop.tree))
    docker(lab.builder, "push", "-q", tag)

    def start(host: LabHost) -> None:
        docker(host.engine, "run", "-d", "--init", "--label", LABEL, "-p", f"{host.address}::8000", tag)

    with ThreadPoolExecutor(len(lab.hosts) * REPLICAS) as hands:
        list(hands.map(lambda host: docker(host.engine, "pull", "-q", tag), lab.hosts))
        list(hands.map(start, lab.hosts * REPLICAS))


def _cleared(lab: Laboratory) -> None:
    for host in lab.hosts:
        found = docker(host.engine, "ps", "-aq", "--filter", f"label={LABEL}").split()
        if found:
            docker(host.engine, "rm", "-f", *found)


def _deployed(house: House, shop: SampleRepository, version: str) -> None:
    shop.commit(version)
    shop.push()
    run = house.finished_run(house.post(f"{house.environment}/runs", {"ref": "main"})["run"])
    assert run["status"] == "succeeded", run


def _back(house: House) -> None:
    number = house.post(f"{house.environment}/rollback")["deployment"]
    deployment = house.finished_deployment(number)
    assert deployment["status"] == "succeeded", deployment


def _told(rows: dict[str, float]) -> str:
    hand = rows["by hand"]
    head = f"\n3 hosts × {REPLICAS} replicas, the least of {ROUNDS}, {MINIMUM}; load average {os.getloadavg()[0]:.1f}"
    return "\n".join(
        [
            head,
            f"{'':24}{'s':>8}{'ratio':>8}",
            *(f"{name:24}{seconds:8.2f}{seconds / hand:8.2f}" for name, seconds in rows.items()),
        ]
    )


def _where(house: House) -> list[str]:
    """Where the time of the newest push went: its stages, as its run tells them."""
    rows: Any = house.get(f"/runs?service={house.service}")
    newest = (rows["runs"] if isinstance(rows, dict) else rows)[0]
    stages = house.get(f"/runs/{newest['id']}")["stages"]
    return [f"  {s['name']:10} {s['started_at'] or '':28} {s['finished_at'] or ''}" for s in stages]
