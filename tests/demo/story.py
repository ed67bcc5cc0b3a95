"""The story: v1, v2 under load, v3 that is unwell, back by hand. Each phase is one line with its seconds; what is promised is
checked, and the first broken promise ends the demo."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.demo.ground import FOLDER
from tests.lab.commands import say
from tests.load.counts import Counts
from tests.load.session import Load, standard
from tests.parts.house import House
from tests.parts.repository import APP, SampleRepository

_PATIENT = (APP / ".shipway.yml").read_text()
_HURRIED = _PATIENT.replace("deadline: 20s", "deadline: 5s")  # of what will never be healthy


class Broken(Exception):
    """A promise that was not kept; the message says which, and what was seen."""


def tell(house: House) -> None:
    remote = Path(house.config["services"][house.service]["repository"]["url"])
    shop = SampleRepository(FOLDER / "shop", remote).create(bare=False)
    _first(house, shop)
    _second(house, shop)
    _third(house, shop)
    _back(house)


def _first(house: House, shop: SampleRepository) -> None:
    run = _push(house, shop, "v1")
    _expect(run["status"] == "succeeded", f"v1 should go live, but {_became(run)}")
    stages = ", ".join(f"{stage['name']} {_seconds(stage)}" for stage in run["stages"])
    say(f"git push v1: live on {len(house.lab.hosts)} hosts × 2 replicas ({stages})")


def _second(house: House, shop: SampleRepository) -> None:
    with _under_load(house) as counts:
        run = _push(house, shop, "v2")
    _expect(run["status"] == "succeeded", f"v2 should go live, but {_became(run)}")
    say(f"git push v2 under load: {_told(counts)}")


def _third(house: House, shop: SampleRepository) -> None:
    with _under_load(house) as counts:
        run = _push(house, shop, "v3", bad="health")
    deployment = house.get(f"/deployments/{run['deployment']}")
    _expect(deployment["status"] == "rolled_back", f"v3 should be rolled back, but {_became(deployment)}")
    _expect("v3" not in counts.versions, f"users saw v3: {counts.versions}")
    say(f"git push v3, whose health check fails: rolled back by itself, {_told(counts)}")
    say(f"  the reason: {' '.join(str(deployment['error']).split())[:300]}")


def _back(house: House) -> None:
    with _under_load(house) as counts:
        accepted = house.post(f"{house.environment}/rollback")
        deployment = house.finished_deployment(accepted["deployment"])
    _expect(deployment["status"] == "succeeded", f"the rollback should succeed, but {_became(deployment)}")
    say(f"shipway rollback shop production: release {deployment['release']} is live again, {_told(counts)}")


def _push(house: House, shop: SampleRepository, version: str, bad: str = "") -> dict[str, Any]:
    commit = shop.commit(version, bad, **{".shipway.yml": _HURRIED if bad else _PATIENT})
    shop.push()
    return house.finished_run(house.run_of(commit))


@contextmanager
def _under_load(house: House) -> Iterator[Counts]:
    """Yields counts that are filled when the block ends. A second of load before and after it."""
    counts = Counts()
    with Load(standard(house.fronts, rate=150)) as load:
        time.sleep(1)
        yield counts
        time.sleep(1)
        counts.__dict__.update(load.stop().__dict__)
    _expect(counts.failed == 0, f"users lost requests: {counts}, first {counts.first_failures[:3]}")


def _became(record: dict[str, Any]) -> str:
    return f"it {record['status']}. {record['error']} (`bin/demo --down` removes what is left.)"


def _told(counts: Counts) -> str:
    seen = ", ".join(f"{version} {count}" for version, count in sorted(counts.versions.items()))
    return f"{counts.sent} requests, {counts.failed} failed ({seen})"


def _seconds(stage: dict[str, Any]) -> str:
    if not stage.get("started_at") or not stage.get("finished_at"):
        return str(stage["status"])
    begin, end = (datetime.fromisoformat(stage[key]) for key in ("started_at", "finished_at"))
    return f"{(end - begin).total_seconds():.1f} s"


def _expect(kept: bool, otherwise: str) -> None:
    if not kept:
        raise Broken(otherwise)
