"""The calls about freezes, and deployments outside of windows: refused, unless an admin overrides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.delivery.run import NewRun
from pipeline.fleet.window import Freeze
from pipeline.lease import run_key
from pipeline.web.app import create_app

PLACE = "/api/v1/services/shop/environments/production"


@pytest.fixture
def admin(house):
    return house.token("admin", name="root")


@pytest.fixture
def deployer(house):
    return house.token("deployer", name="ci")


def frozen(client, admin, **body):
    sent = {"environment": "production", "until": "2h", "why": "sale"} | body
    return client.post("/api/v1/freezes", json=sent, headers=admin)


def test_freeze_is_set_listed_lifted_and_in_the_audit(client, house, admin):
    answer = frozen(client, admin, service="shop")

    assert answer.status_code == 201
    number = answer.json["id"]
    assert [one["why"] for one in client.get("/api/v1/freezes", headers=admin).json["freezes"]] == ["sale"]
    assert client.delete(f"/api/v1/freezes/{number}", headers=admin).status_code == 200
    assert client.get("/api/v1/freezes", headers=admin).json["freezes"] == []
    assert client.delete(f"/api/v1/freezes/{number}", headers=admin).status_code == 409
    assert [one["action"] for one in house.ports.audit.entries()] == [
        "freeze.lift",
        "freeze.lift",
        "freeze.set",
    ]


def test_freezes_of_the_file_are_listed_beside(house, admin):
    settings, now = house.ports.settings, datetime.now(UTC)
    shop = settings.service("shop")
    freezes = (Freeze(now, now + timedelta(days=1), "audit"), Freeze(now - timedelta(days=2), now, "over"))
    place = replace(shop.environments["production"], freezes=freezes)
    shop = replace(shop, environments={"production": place})
    ports = replace(house.ports, settings=replace(settings, services={"shop": shop}))

    listed = create_app(ports).test_client().get("/api/v1/freezes", headers=admin).json["freezes"]

    assert [(one["id"], one["why"], one["by"]) for one in listed] == [(None, "audit", "shipway.yml")]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"until": "soon"}, 400, "is not a moment; write 2026-12-24T18:00 or 18:00, 90m, 2h, 3d"),
        ({"until": "2020-01-01T00:00"}, 400, "is over already"),
        ({"until": "1h", "since": "2h"}, 400, "not after the beginning"),
        ({"environment": "prod"}, 404, "No service has an environment 'prod'"),
        ({"service": "shpo"}, 404, "shpo"),
    ],
)
def test_what_would_freeze_nothing_is_refused(client, admin, body, status, said):
    answer = frozen(client, admin, **body)

    assert answer.status_code == status
    assert said in answer.json["detail"]


def test_only_an_admin_freezes_and_only_within_bounds(client, house, deployer):
    shop = house.token("admin", "shop")

    assert frozen(client, deployer).status_code == 403
    assert frozen(client, shop).status_code == 403
    assert frozen(client, shop, service="blog").status_code == 403
    assert frozen(client, shop, service="shop").status_code == 201


def test_manual_deployment_in_a_freeze_is_refused_with_the_reason(client, house, admin, deployer):
    frozen(client, admin)

    answer = client.post(f"{PLACE}/deployments", json={"release": house.release().number}, headers=deployer)

    assert answer.status_code == 409
    assert "shop/production waits for the end of the freeze: sale (" in answer.json["detail"]
    assert house.store.deployments.deployments() == []


def test_admin_overrides_and_the_audit_says_so(client, house, admin, deployer):
    frozen(client, admin)
    body = {"release": house.release().number, "override": True}

    assert client.post(f"{PLACE}/deployments", json=body, headers=deployer).status_code == 403
    answer = client.post(f"{PLACE}/deployments", json=body, headers=admin)

    assert answer.status_code == 202
    assert '"override":true} accepted' in house.ports.audit.entries()[0]["detail"]


def test_the_audit_has_why_it_was_overridden(client, house, admin):
    frozen(client, admin)
    body = {"release": house.release().number, "override": True, "reason": "the fix of the checkout"}

    assert client.post(f"{PLACE}/deployments", json=body, headers=admin).status_code == 202

    assert '"reason":"the fix of the checkout"} accepted' in house.ports.audit.entries()[0]["detail"]


def test_a_reason_without_an_override_is_refused(client, house, admin):
    body = {"release": house.release().number, "reason": "the fix of the checkout"}

    answer = client.post(f"{PLACE}/deployments", json=body, headers=admin)

    assert answer.status_code == 400
    assert "send it with 'override'" in answer.json["detail"]


def test_going_back_is_never_held(client, house, admin, deployer):
    frozen(client, admin)

    answer = client.post(f"{PLACE}/rollback", json={"release": house.release().number}, headers=deployer)

    assert answer.status_code == 202


def test_held_run_says_why_and_only_an_admin_lets_it_go(client, house, admin, deployer):
    number = house.store.runs.add(NewRun("shop", "production", "branch", "main", "c" * 40, "push:ada")).id
    lease = house.store.leases.take(run_key(number), "me", 60.0)
    house.store.runs.begin(number, lease)
    house.store.runs.hold(number, "waits for the window", lease)
    house.store.leases.give_back(lease)

    def approve(headers, body):
        return client.post(f"/api/v1/runs/{number}/approve", json=body, headers=headers).status_code

    assert client.get(f"/api/v1/runs/{number}", headers=deployer).json["held"] == "waits for the window"
    assert approve(deployer, {}) == 409
    assert approve(deployer, {"override": True}) == 403
    assert approve(admin, {"override": True, "reason": "the fix of the checkout"}) == 202
    run = client.get(f"/api/v1/runs/{number}", headers=deployer).json
    assert (run["overridden_by"], run["override_reason"]) == ("api:root", "the fix of the checkout")
