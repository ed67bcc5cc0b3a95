"""The calls about entrances: what is shown, and that only admins change what users are answered."""

from dataclasses import replace

import pytest

from pipeline.web.app import create_app
from runners.dns.zone import Zone
from runners.patience import Patience
from tests.entrances.conftest import SHOP, MemoryWire


@pytest.fixture
def wire():
    return MemoryWire()


@pytest.fixture
def ports(house, wire):
    settings = replace(house.ports.settings, entrances={"shop": SHOP})
    dns = {"shop": Zone(SHOP, wire, Patience(deadline=0.0))}
    return replace(house.ports, settings=settings, dns=dns, entrances=house.store.entrances)


@pytest.fixture
def client(ports):
    return create_app(ports).test_client()


@pytest.fixture
def admin(house):
    return house.token("admin", name="root")


def shares(wire):
    return {name: record.share for name, record in sorted(wire.records.items())}


def test_a_plan_is_shown_and_changes_nothing(client, wire, as_role):
    answer = client.get("/api/v1/entrances/shop/plan", headers=as_role("viewer"))

    assert answer.json["steps"] == [
        "create hz: 203.0.113.10, share none -> 60",
        "create sg: 203.0.113.20, share none -> 40",
    ]
    assert wire.records == {}


def test_apply_park_and_unpark_are_done_shown_and_audited(client, wire, admin, house):
    client.post("/api/v1/entrances/shop/apply", json={}, headers=admin)
    applied = shares(wire)
    parked = client.post("/api/v1/regions/hz/park", json={"reason": "cables"}, headers=admin)
    shown = client.get("/api/v1/entrances/shop", headers=admin).json
    after_parking = shares(wire)
    client.post("/api/v1/regions/hz/unpark", json={}, headers=admin)

    assert applied == shares(wire) == {"hz": 60, "sg": 40}
    assert parked.json == {"entrances": ["shop"]}
    assert after_parking == {"hz": 0, "sg": 40}
    assert [(one["name"], one["state"], one["why"]) for one in shown["regions"]] == [
        ("hz", "parked", "cables"),
        ("sg", "serving", ""),
    ]
    assert [entry["action"] for entry in house.ports.audit.entries()] == [
        "region.unpark",
        "region.park",
        "entrance.apply",
    ]


def test_the_last_region_is_refused_with_a_sentence(client, wire, admin):
    client.post("/api/v1/entrances/shop/apply", json={}, headers=admin)
    client.post("/api/v1/regions/hz/park", json={}, headers=admin)
    refused = client.post("/api/v1/regions/sg/park", json={}, headers=admin)

    assert refused.status_code == 409
    assert "the last region is never taken out" in refused.json["detail"]
    assert shares(wire) == {"hz": 0, "sg": 40}


def test_a_plan_that_would_be_refused_says_why(client, wire, admin):
    client.post("/api/v1/entrances/shop/apply", json={}, headers=admin)
    for name, record in wire.records.items():
        wire.records[name] = replace(record, ttl=600)
    plan = client.get("/api/v1/entrances/shop/plan", headers=admin).json

    assert "2 of 2 records at once" in plan["refused"]
    assert client.get("/api/v1/entrances/shop/plan?force=true", headers=admin).json["refused"] == ""


@pytest.mark.parametrize("path", ["entrances/shop/apply", "regions/hz/park", "regions/hz/unpark"])
def test_only_an_admin_of_everything_changes_anything(client, as_role, path):
    for headers in (as_role("deployer"), as_role("admin", "shop")):
        assert client.post(f"/api/v1/{path}", json={}, headers=headers).status_code == 403


def test_an_unknown_entrance_and_region_are_told(client, admin):
    assert client.get("/api/v1/entrances/none", headers=admin).status_code == 404
    assert client.post("/api/v1/regions/us/park", json={}, headers=admin).status_code == 404


def test_metrics_have_every_region(client, admin, wire):
    client.post("/api/v1/entrances/shop/apply", json={}, headers=admin)
    client.post("/api/v1/regions/hz/park", json={}, headers=admin)
    text = client.get("/metrics").text

    assert 'shipway_region_share{entrance="shop",region="hz"} 0.0' in text
    assert 'shipway_region_share{entrance="shop",region="sg"} 40.0' in text
    assert 'shipway_region_parked{entrance="shop",region="hz"} 1.0' in text
