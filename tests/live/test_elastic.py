"""The whole road of a peak: one load scales replicas and the machines under them, out and in again, with the scheduler
killed on the way in each direction. No request is lost, and nothing of the machine that left is left over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.load.session import Load, standard
from tests.parts.house import House
from tests.parts.lab_pool import gone, instances, is_leaving, machines, pooled, settled
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import begun
from tests.parts.repository import SampleRepository
from tests.parts.victims import kill

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
SPEC = (
    "run: {port: 8000, stop_timeout: 10s}\n"
    "health: {path: /healthz, interval: 1s, timeout: 10s, rise: 1, fall: 5, deadline: 2m}\n"
)
PATIENT = {"deadline": "3m", "bake": "1s", "compare": {"enabled": False}}
SOON = {"out_after": 1, "in_after": 2, "warm_up": "5s", "cooldown": "5s"}
# 104 requests a second are more than 30 for each of 3 replicas and cost more than 1 % of a machine; 4 are for one of each
REPLICAS = SOON | {"min": 1, "max": 2, "target": {"requests": 30}}
MACHINES = SOON | {"target": {"cpu": 1}}


@pytest.fixture
def house(tmp_path: Path, lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    with pooled(tmp_path / "house", lab, shop, min=1, max=2, scaling=MACHINES) as made:
        made.config["server"]["scaling_every"] = "5s"
        made.production["scaling"] = REPLICAS
        made.production["rollout"] |= PATIENT
        yield made.start()


def test_replicas_and_machines_follow_the_load_out_and_in_and_no_request_fails(
    house: House, shop: SampleRepository
) -> None:
    settled(house, 1)
    assert (
        house.finished_run(begun(house, shop, "v1", **{".shipway.yml": SPEC}), 240)["status"] == "succeeded"
    )

    with Load(standard(house.fronts, rate=4.0)) as quiet:
        with Load(standard(house.fronts, rate=100.0)) as crowd:
            house.until("a machine comes", lambda: is_coming(house), 120, lambda: said(house))
            kill(house, "scheduler")
            serves(house, machines_=2, replicas=2)
            many = crowd.stop()
        house.until("a machine leaves", lambda: is_leaving(house), 120, lambda: said(house))
        kill(house, "scheduler")
        serves(house, machines_=1, replicas=1)
        few = quiet.stop()

    assert (many.failed, few.failed) == (0, 0), (many, few)
    for key, name in (("service", house.service), ("pool", "web")):
        assert changes(house, key, name) == [("out", 1, 2), ("in", 2, 1)], said(house)
    [left] = gone(house)
    assert not left["failed"], left
    assert instances(house) == {one["instance"] for one in machines(house)}
    assert left["name"] not in {host["name"] for host in house.get("/hosts")["hosts"]}


def is_coming(house: House) -> bool:
    """Made, and about to run what lets it join."""
    return "joining" in {machine["state"] for machine in machines(house)}


def serves(house: House, machines_: int, replicas: int) -> None:
    """So many machines with so many replicas on each, and nothing is on its way."""
    settled(house, machines_)
    house.until(
        "its replicas", lambda: replicas_on(house) == [replicas] * machines_, 120, lambda: said(house)
    )


def replicas_on(house: House) -> list[int]:
    place = house.get(house.environment)
    return [] if place["active_deployment"] else [len(one["replicas"]) for one in place["hosts"]]


def changes(house: House, key: str, name: str) -> list[tuple[str, int, int]]:
    [found] = [one for one in house.get("/scaling")["groups"] if one[key] == name]
    told = [(one["verdict"], one["before"], one["after"]) for one in reversed(found["decisions"])]
    return [one for one in told if one[0] in {"out", "in"}]


def said(house: House) -> Any:
    newest = house.get(f"/deployments?service={house.service}&limit=4")["deployments"]
    told = [(one["id"], one["reason"], one["status"], one["error"]) for one in newest]
    return f"{house.get('/scaling')}\n{house.get('/pools')}\n{told}\n{house.log()}"
