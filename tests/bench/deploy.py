"""Push to live, back warm (in the bake) and back cold, on 3 hosts × 2 replicas of the sample service: Shipway against the
same work as raw engine calls in the best order (`by_hand`), in turn in the same run. The least of some rounds counts."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.by_hand import ByHand
from tests.bench.contestant import REPLICAS
from tests.bench.onlooker import Onlooker
from tests.parts.house import House, ending
from tests.parts.laboratory import laboratory
from tests.parts.repository import SampleRepository

MINIMUM = {"healthy_for": "0s", "bake": "0s", "drain_timeout": "10s"}
TOGETHER = {"batch": "100%"}
HEALTH = "health: {path: /healthz, interval: 100ms, timeout: 2s, rise: 1, fall: 3, deadline: 20s}\n"
SPEC = f"test: {{command: 'pytest -q -p no:cacheprovider'}}\nrun: {{port: 8000}}\n{HEALTH}"
ROUNDS = int(os.environ.get("SHIPWAY_BENCH_ROUNDS", "3"))
BAKING = "60s"
HAND, HAND_BACK = "by hand: push to live", "by hand: back, cold"
SWITCH = "by hand: one switch of all proxies"
OURS, OURS_BACK = "push to live, all hosts at once", "back by hand, cold, all hosts at once"


def main() -> int:
    lab, folder = laboratory(), Path(tempfile.mkdtemp(prefix="shipway-bench-"))
    shop = SampleRepository(folder / "shop", folder / "shop.git").create()
    hand = ByHand(lab)
    rows: dict[str, float] = {}
    try:
        hand.prepare()
        house = House(folder / "house", lab, shop.remote)
        with ending(house):
            rows |= _in_turn(hand, house, shop)
            where = _where(house)
            hand.clean()
            rows |= _ours(house, shop, {}, "one host after the other")
            rows |= _ours(house, shop, None, "the policy that nobody set", rounds=1)
            rows["back in the bake, to the last new answer"] = _warm(house, shop)
        print(_told(rows))
        print("\n".join(where))
    finally:
        hand.clean()
        shutil.rmtree(folder)
    return 0


def _timed(work: Callable[[], object]) -> float:
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def _in_turn(hand: ByHand, house: House, shop: SampleRepository) -> dict[str, float]:
    """Each round both push a version more, and go back to the one before it, whose image the hosts have."""
    _restarted(house, MINIMUM | TOGETHER)
    last = _pushed_by_hand(hand, shop, "first")
    _deployed(house, shop, "v0")
    seconds: dict[str, list[float]] = {name: [] for name in (HAND, HAND_BACK, OURS, OURS_BACK, SWITCH)}
    for number in range(ROUNDS):
        made: list[str] = []
        seconds[HAND].append(
            _timed(lambda n=number, made=made: made.append(_pushed_by_hand(hand, shop, f"hand{n}")))
        )
        seconds[OURS].append(_deployed(house, shop, f"v{number + 1}"))
        seconds[HAND_BACK].append(_timed(lambda last=last: hand.roll(last)))
        seconds[OURS_BACK].append(_back(house))
        seconds[SWITCH].append(_timed(hand.switch))
        last = made[0]
    return {name: min(found) for name, found in seconds.items()}


def _pushed_by_hand(hand: ByHand, shop: SampleRepository, version: str) -> str:
    shop.commit(version, **{".shipway.yml": SPEC})
    return hand.deploy(shop.tree, version)


def _ours(
    house: House, shop: SampleRepository, policy: dict[str, Any] | None, name: str, rounds: int = ROUNDS
) -> dict[str, float]:
    """`policy` None: all of it as it is when nobody set anything."""
    _restarted(house, {} if policy is None else MINIMUM | policy)
    _deployed(house, shop, "v0")
    forward = min(_deployed(house, shop, f"v{at + 1}") for at in range(rounds))
    back = min(_back(house) for _ in range(rounds))
    return {f"push to live, {name}": forward, f"back by hand, cold, {name}": back}


def _restarted(house: House, rollout: dict[str, Any]) -> None:
    if house.process:
        house.stop()
    house.production["rollout"] = dict(rollout)
    house.start()


def _deployed(house: House, shop: SampleRepository, version: str) -> float:
    """Seconds from the commit to the end of its run, as the books have it: how often we ask does not count."""
    begun = time.time()
    run = house.finished_run(_pushed(house, shop, version))
    assert run["status"] == "succeeded", run
    return datetime.fromisoformat(run["finished_at"]).timestamp() - begun


def _pushed(house: House, shop: SampleRepository, version: str) -> int:
    shop.commit(version, **{".shipway.yml": SPEC})
    shop.push()
    return int(house.post(f"{house.environment}/runs", {"ref": "main"})["run"])


def _back(house: House) -> float:
    begun = time.time()
    number = house.post(f"{house.environment}/rollback")["deployment"]
    deployment = house.finished_deployment(number)
    assert deployment["status"] == "succeeded", deployment
    return datetime.fromisoformat(deployment["finished_at"]).timestamp() - begun


def _warm(house: House, shop: SampleRepository) -> float:
    """Seconds from the abort, while every host bakes, to the last answer of the release that failed."""
    _restarted(house, MINIMUM | TOGETHER | {"bake": BAKING})
    return min(_switched_back(house, shop, f"w{number}") for number in range(ROUNDS))


def _switched_back(house: House, shop: SampleRepository, version: str) -> float:
    run = _pushed(house, shop, version)
    house.until("it has a deployment", lambda: house.get(f"/runs/{run}")["deployment"] is not None, 60)
    number = house.get(f"/runs/{run}")["deployment"]
    house.until("it bakes", lambda: _phases(house, number) == {"baking"}, 60)
    with Onlooker(house.fronts) as onlooker:
        asked = time.monotonic()
        house.post(f"/deployments/{number}/abort")
        ended = house.finished_deployment(number)
    assert ended["status"] == "rolled_back", ended
    return onlooker.last(version) - asked


def _phases(house: House, number: int) -> set[str]:
    return {host["phase"] for host in house.get(f"/deployments/{number}")["hosts"]}


def _told(rows: dict[str, float]) -> str:
    forward = rows[HAND]
    head = f"\n3 hosts × {REPLICAS} replicas, the least of {ROUNDS}, {MINIMUM}; load average {os.getloadavg()[0]:.1f}"
    lines = [f"{name:48}{seconds:8.2f}{seconds / forward:8.2f}" for name, seconds in rows.items()]
    return "\n".join([head, f"{'':48}{'s':>8}{'ratio':>8}", *lines])


def _where(house: House) -> list[str]:
    """Where the time of the newest push went: its stages, as its run tells them."""
    rows: Any = house.get(f"/runs?service={house.service}")
    newest = (rows["runs"] if isinstance(rows, dict) else rows)[0]
    return [
        f"  {s['name']:10}{_seconds(s):6.2f}"
        for s in house.get(f"/runs/{newest['id']}")["stages"]
        if s["started_at"]
    ]


def _seconds(stage: dict[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(stage[key]) for key in ("started_at", "finished_at"))
    return (end - begin).total_seconds()
