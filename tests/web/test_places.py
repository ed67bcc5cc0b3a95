"""The calls about places: drain, resume, move, and what they show."""

import pytest

from pipeline.rollout.deployment import Status
from tests.web.conftest import House
from tests.web.deployed import bring

HOSTS = "/api/v1/hosts"


@pytest.fixture
def headers(house):
    return house.token("deployer", name="ci")


def live(house: House) -> None:
    """Release 1 on web-1 and web-2; web-2 does not answer, which is no matter here."""
    bring(house, house.release().number)


def test_a_host_is_drained_and_what_is_there_leaves(client, house, headers):
    live(house)

    answer = client.post(f"{HOSTS}/web-1/drain", json={"reason": "a new kernel"}, headers=headers)

    assert answer.status_code == 202
    (number,) = answer.json["deployments"]
    assert answer.json["waiting"] == []
    assert f"deployment {number}" in house.queue.woken
    deployment = client.get(f"/api/v1/deployments/{number}", headers=headers).json
    assert (deployment["reason"], deployment["requested_by"]) == ("migrate", "api:ci")
    assert {host["host"]: (host["replicas"], host["why"]) for host in deployment["hosts"]} == {
        "web-1": (0, "it is drained (by api:ci: a new kernel)"),
        "web-2": (2, "every host of the environment runs it"),
    }
    shown = client.get(HOSTS, headers=headers).json["hosts"]
    assert [host["drained"] for host in shown] == ["it is drained (by api:ci: a new kernel)", ""]
    place = client.get("/api/v1/services/shop/environments/production", headers=headers).json
    assert [(host["host"], host["placed"], bool(host["drained"])) for host in place["hosts"]] == [
        ("web-1", 2, True),
        ("web-2", 2, False),
    ]


def test_a_drain_waits_for_what_is_under_way(client, house, headers):
    live(house)
    bring(house, house.release().number, Status.ROLLING)

    answer = client.post(f"{HOSTS}/web-1/drain", headers=headers)

    assert answer.json == {"deployments": [], "waiting": ["shop/production"]}


def test_a_resumed_host_is_not_drained_any_more(client, house, headers):
    client.post(f"{HOSTS}/web-1/drain", headers=headers)

    assert client.post(f"{HOSTS}/web-1/resume", headers=headers).status_code == 202
    assert client.post(f"{HOSTS}/web-1/resume", headers=headers).status_code == 409
    assert [host["drained"] for host in client.get(HOSTS, headers=headers).json["hosts"]] == ["", ""]


def test_an_unknown_host_is_404_and_says_which_there_are(client, headers):
    answer = client.post(f"{HOSTS}/web-9/drain", headers=headers)

    assert answer.status_code == 404
    assert "Known hosts: web-1, web-2." in answer.json["detail"]


def test_a_move_to_where_it_runs_already_is_409(client, house, headers):
    live(house)
    body = {"from": "web-1", "to": "web-2"}

    answer = client.post("/api/v1/services/shop/move", json=body, headers=headers)

    assert answer.status_code == 409
    assert "runs on web-2 already" in answer.json["detail"]


@pytest.mark.parametrize("body", [{}, {"from": "web-1"}, {"from": "web-1", "to": "web-2", "x": 1}])
def test_a_move_says_from_where_to_where(client, headers, body):
    assert client.post("/api/v1/services/shop/move", json=body, headers=headers).status_code == 400


def test_a_token_that_does_not_reach_all_of_a_host_may_not_drain_it(client, house):
    headers = house.token("deployer", "shop")

    answer = client.post(f"{HOSTS}/web-1/drain", headers=headers)

    assert answer.status_code == 403
    assert "does not reach blog/" in answer.json["detail"]


def test_a_bound_token_may_not_move_a_service_onto_a_host_that_the_file_does_not_give_it(client, house):
    headers = house.token("deployer", "shop")
    body = {"from": "web-1", "to": "web-2", "environment": "test"}

    assert client.post("/api/v1/services/shop/move", json=body, headers=headers).status_code == 403


def test_the_audit_tells_who_drained_what_and_which_deployments_followed(client, house, headers):
    live(house)

    client.post(f"{HOSTS}/web-1/drain", json={"reason": "kernel"}, headers=headers)

    entry = client.get("/api/v1/audit", headers=house.token("admin")).json["entries"][0]
    assert (entry["actor"], entry["action"], entry["target"]) == ("ci", "host.drain", "host web-1")
    assert "accepted: deployments [" in entry["detail"]
