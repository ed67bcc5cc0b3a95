"""The calls about pools."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from pipeline.pools.pool import Event, Machine, Pool, Provider
from pipeline.web.app import create_app
from runners.stand_ins.clouds import MemoryCloud
from tests.pools.ground import ordered
from tests.web.conftest import House

POOL = Pool(
    "web", Provider.AWS, min=1, max=10, region="eu-central-1", type="t3.small", labels={"role": "web"}
)


@pytest.fixture
def clouds(house: House) -> Any:
    """The pool's cloud, in memory."""
    return MemoryCloud(POOL, house.ports.clock.now)


@pytest.fixture
def pooled(house: House, clouds: MemoryCloud) -> FlaskClient:
    ports = replace(
        house.ports,
        settings=replace(house.ports.settings, pools={"web": POOL}),
        pools=house.store.pools,
        roster=house.store.roster,
        clouds={"web": clouds},
    )
    return create_app(ports).test_client()


def made(house: House, number: int, pool: str = "web") -> Machine:
    now = house.ports.clock.now()
    lease = house.store.leases.take("pools", "test", 60)
    assert lease
    machine = Machine(pool, f"wish-{pool}-{number}", now, now, why="1 are wanted")
    machine = house.store.pools.wish(machine, ordered(replace(POOL, name=pool), machine.wish), lease)
    machine = replace(machine.after(Event.ASK, now).after(Event.MADE, now), instance=f"i-{number}")
    house.store.pools.save(machine, lease)
    house.store.leases.give_back(lease)
    return machine


def test_pools_are_listed_with_their_machines(pooled, house, as_role):
    machine = made(house, 1)
    house.store.pools.want("web", 2, "evening", "scaling")

    (pool,) = pooled.get("/api/v1/pools", headers=as_role("viewer")).json["pools"]

    assert (pool["name"], pool["provider"], pool["min"], pool["max"]) == ("web", "aws", 1, 10)
    assert (pool["wanted"], pool["wanted_by"], pool["wanted_why"]) == (2, "scaling", "evening")
    assert [(one["name"], one["state"], one["instance"]) for one in pool["machines"]] == [
        (machine.name, "joining", "i-1")
    ]


def test_the_plan_says_every_step_and_changes_nothing(pooled, house, as_role):
    house.store.pools.want("web", 8, "", "scaling")

    answer = pooled.post("/api/v1/pools/plan", json={}, headers=as_role("admin")).json

    (plan,) = answer["plans"]
    assert (plan["target"], [step["does"] for step in plan["steps"]], plan["refused"]) == (
        8,
        ["wish"] * 2,
        True,
    )
    assert "6 more wait until those that come are ready" in plan["held"]
    assert answer["forced"] == []
    assert house.store.pools.machines() == []


def test_force_lets_a_large_change_happen_and_is_in_the_audit(pooled, house, as_role):
    house.store.pools.want("web", 8, "", "scaling")

    answer = pooled.post("/api/v1/pools/plan", json={"force": True}, headers=as_role("admin")).json

    assert answer["forced"] == ["web"]
    assert len(answer["plans"][0]["steps"]) == 8
    assert (house.store.pools.wanted("web").forced, house.store.pools.wanted("web").by) == (True, "scaling")
    assert house.ports.audit.entries()[0]["action"] == "pool.plan"


def test_a_person_wants_another_number(pooled, house, as_role):
    answer = pooled.post("/api/v1/pools/web/want", json={"machines": 1, "why": "x"}, headers=as_role("admin"))

    assert answer.status_code == 202
    assert house.store.pools.wanted("web").machines == 1
    entry = house.ports.audit.entries()[0]
    assert (entry["action"], entry["target"]) == ("pool.want", "pool web")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"machines": 0}, 400, "takes 1 to 10 machines"),
        ({"machines": 11}, 400, "takes 1 to 10 machines"),
        ({"machines": 9}, 409, "a change of 9 at once, and pool web takes 2"),
        ({"machines": "3"}, 400, "machines"),
        ({"machines": 3, "forse": True}, 400, "forse"),
    ],
)
def test_what_a_pool_does_not_take_is_refused_with_a_sentence(pooled, house, as_role, body, status, said):
    answer = pooled.post("/api/v1/pools/web/want", json=body, headers=as_role("admin"))

    assert answer.status_code == status
    assert said in answer.get_data(as_text=True)
    assert house.store.pools.wanted("web") is None


def test_an_unknown_pool_is_told_with_those_that_there_are(pooled, as_role):
    answer = pooled.post("/api/v1/pools/wob/want", json={"machines": 1}, headers=as_role("admin"))

    assert answer.status_code == 404
    assert "Known pools: web" in answer.json["detail"]


def test_only_an_admin_of_everything_changes_pools(pooled, as_role):
    callers = as_role("deployer"), as_role("admin", "shop")
    for path, body in (("/pools/plan", {"force": True}), ("/pools/web/want", {"machines": 1})):
        for headers in callers:
            assert pooled.post(f"/api/v1{path}", json=body, headers=headers).status_code == 403


def test_a_pool_that_was_taken_out_of_the_file_is_told(pooled, house, as_role):
    made(house, 1, "old")

    answer = pooled.get("/api/v1/pools", headers=as_role("viewer")).json

    assert "Pool old is not in shipway.yml any more and has 1 machines" in answer["strangers"][0]


def test_metrics_say_how_many_machines_there_are_and_should_be(pooled, house):
    made(house, 1)
    house.store.pools.want("web", 2, "evening", "scaling")

    text = pooled.get("/metrics").text

    assert 'shipway_pool_machines{pool="web",state="joining"} 1.0' in text
    assert 'shipway_pool_machines{pool="web",state="ready"} 0.0' in text
    assert 'shipway_pool_wanted{pool="web"} 2.0' in text
