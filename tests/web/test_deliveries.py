"""The ledger of deliveries: listed, searched, shown without secrets, replayed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.fleet.service import Environment
from pipeline.intake.inbox import SWEEP, NewDelivery
from pipeline.intake.missed import bound
from pipeline.intake.sight import Comparison, Move, Sight
from pipeline.web.app import create_app
from tests.runners.forges.bodies import BODIES
from tests.web.conftest import COMMIT, SECRET, House
from tests.web.test_hooks import SIGNED, push
from tests.web.test_hooks_of_forges import each_forge, post


@pytest.fixture
def viewer(house):
    return house.token("viewer")


@pytest.fixture
def deployer(house):
    return house.token("deployer")


@pytest.fixture
def told(client):
    """1: started; 2: ignored; 3: of another service."""
    hooks = push(), push("refs/heads/elsewhere", after="d" * 40), push(project="acme/blog", after="e" * 40)
    return [client.post("/hooks/gitlab", json=hook, headers=SIGNED).json for hook in hooks]


def listed(client: Any, headers: dict[str, str], query: str = "") -> list[int]:
    answer = client.get(f"/api/v1/deliveries?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json["deliveries"]]


def with_branch(house: House, branch: str) -> Any:
    """A Shipway as it is after somebody gave the shop's test environment another branch."""
    shop = house.ports.settings.services["shop"]
    test = Environment("shop", "test", shop.environments["test"].hosts, branches=(branch,))
    shop = replace(shop, environments={"test": test})
    settings = replace(house.ports.settings, services=house.ports.settings.services | {"shop": shop})
    return create_app(replace(house.ports, settings=settings)).test_client()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [3, 2, 1]),
        ("service=shop", [2, 1]),
        ("service=sho", []),
        ("forge=gitlab", [3, 2, 1]),
        ("forge=github", []),
        ("outcome=ignored", [2]),
        ("outcome=accepted", [3, 1]),
        ("q=ELSEwhere", [2]),
        (f"q={COMMIT[:12]}", [1]),
        ("q=ada", [3, 1]),
        ("q=blog", [3]),
        ("q=%25", []),
        ("q=_", []),
        ("before=3", [2, 1]),
        ("before=3&limit=1", [2]),
        ("service=shop&outcome=ignored&q=elsewhere", [2]),
    ],
)
def test_deliveries_are_found_by_what_they_told(client, told, viewer, query, found):
    assert listed(client, viewer, query) == found


@pytest.mark.parametrize("query", ["outcome=lost", "before=x", "before=-1", "since=1"])
def test_a_question_that_is_not_understood_is_refused(client, viewer, query):
    assert client.get(f"/api/v1/deliveries?{query}", headers=viewer).status_code == 400


def test_a_delivery_is_shown_with_what_it_said_and_what_was_decided(client, told, viewer):
    shown = client.get("/api/v1/deliveries/1", headers=viewer).json

    assert json.loads(shown["body"]) == push()
    assert shown["size"] == len(shown["body"])
    assert shown["headers"]["X-Gitlab-Event".lower()] == "Push Hook"
    assert (shown["outcome"], shown["runs"], shown["services"]) == ("accepted", told[0]["runs"], ["shop"])
    assert client.get("/api/v1/deliveries/99", headers=viewer).status_code == 404


@each_forge
def test_no_answer_and_no_file_holds_what_proved_a_delivery(house, client, viewer, forge):
    post(house, forge, BODIES[forge]() | {"password": SECRET, "sign": SECRET, "note": f"x {SECRET} y"})

    shown = client.get("/api/v1/deliveries/1", headers=viewer)

    assert shown.status_code == 200
    assert SECRET not in shown.text
    assert not any(name in shown.json["headers"] for name in ("x-gitlab-token", "x-hub-signature-256"))
    assert SECRET.encode() not in house.store.inbox.delivery(1).body


@pytest.mark.parametrize("form", [False, True], ids=["JSON", "form"])
@each_forge
def test_a_delivery_of_each_forge_is_started_again(house, forge, form, deployer):
    post(house, forge, BODIES[forge](), form)
    shop = house.ports.settings.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, forge=forge))
    settings = replace(house.ports.settings, services={"shop": shop})
    client = create_app(replace(house.ports, settings=settings)).test_client()

    answer = client.post("/api/v1/deliveries/1/replay", headers=deployer)

    again, first = house.ports.runs.runs()
    assert (answer.status_code, answer.json) == (202, {"delivery": 2, "replay_of": 1, "runs": [again.id]})
    assert (again.commit, again.ref, again.environment) == (first.commit, first.ref, first.environment)
    assert (again.requested_by, again.delivery) == ("api:deployer-of-all", 2)


def test_what_was_ignored_starts_when_todays_settings_take_it(house, client, told, deployer):
    still = client.post("/api/v1/deliveries/2/replay", headers=deployer)

    now = with_branch(house, "elsewhere").post("/api/v1/deliveries/2/replay", headers=deployer)

    assert still.status_code == 409
    assert "no environment of shop takes branch 'elsewhere'" in still.json["detail"]
    assert now.status_code == 202
    assert house.ports.runs.run(now.json["runs"][0]).commit == "d" * 40


def test_what_failed_starts_again_and_is_woken(house, client, told, deployer):
    house.ports.runs.finish(told[0]["runs"][0], "failed", "its tests failed", None)

    (run,) = client.post("/api/v1/deliveries/1/replay", headers=deployer).json["runs"]

    assert house.ports.runs.run(run).status == "queued"
    assert house.queue.woken[-1] == f"run {run}"


def test_a_replay_is_a_delivery_of_its_own_and_the_first_answer_stays(house, client, told, deployer):
    again = [client.post("/api/v1/deliveries/1/replay", headers=deployer).json for _ in range(2)]
    of_replay = client.post(f"/api/v1/deliveries/{again[0]['delivery']}/replay", headers=deployer).json

    first = client.get("/api/v1/deliveries/1", headers=deployer).json
    redelivered = client.post("/hooks/gitlab", json=push(), headers=SIGNED).json
    assert first["replays"] == [4, 5, 6]
    assert [one["replay_of"] for one in (*again, of_replay)] == [1, 1, 1]
    assert redelivered == told[0] | {"duplicate": True}
    assert client.get("/api/v1/deliveries/4", headers=deployer).json["body"] == first["body"]


def test_a_replay_is_in_the_audit_also_when_it_was_refused(house, client, told, deployer):
    client.post("/api/v1/deliveries/1/replay", headers=deployer)
    client.post("/api/v1/deliveries/2/replay", headers=deployer)

    refused, accepted = house.store.audit.entries(limit=2)
    assert (accepted["actor"], accepted["action"], accepted["target"]) == (
        "deployer-of-all",
        "delivery.replay",
        "delivery 1",
    )
    assert "accepted: runs" in accepted["detail"]
    assert "refused: " in refused["detail"]


def test_only_who_may_deploy_anywhere_replays(client, house, told, viewer):
    for headers in (viewer, house.token("deployer", "shop")):
        assert client.post("/api/v1/deliveries/1/replay", headers=headers).status_code == 403


def test_a_body_that_was_let_go_is_said(house, client, told, deployer):
    house.store.inbox.tidy(datetime.now(UTC) + timedelta(days=40))

    answer = client.post("/api/v1/deliveries/1/replay", headers=deployer)
    shown = client.get("/api/v1/deliveries/1", headers=deployer).json

    assert answer.status_code == 409
    assert "is not kept any more" in answer.json["detail"]
    assert (shown["body"], shown["size"], shown["headers"]) == (None, 0, {})


def test_a_look_is_in_the_ledger_and_is_replayed(house, client, deployer):
    shop = house.ports.settings.services["shop"]
    missed = Move("shop", "refs/heads/main", COMMIT)
    body = json.dumps({"service": "shop", "moves": [{"ref": missed.ref, "before": "", "after": COMMIT}]})
    look = NewDelivery(
        SWEEP, "shop:0", "look", "acme/shop", {}, body.encode(), (), "started by hand", ("shop",)
    )
    house.store.inbox.saw(Sight("shop", 0, shop.repository.address, bound(shop)), Comparison((missed,)), look)

    answer = client.post("/api/v1/deliveries/1/replay", headers=deployer)

    assert listed(client, deployer, "forge=sweep") == [2, 1]
    assert answer.status_code == 202
    assert house.ports.runs.run(answer.json["runs"][0]).commit == COMMIT
