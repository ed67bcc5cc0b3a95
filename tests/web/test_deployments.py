"""The calls about deployments: deploy, go back, scale, steer, look."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.lease import deployment_key
from pipeline.rollout.deployment import (
    HostPhase,
    HostRecord,
    ReplicaRecord,
    Request,
    Status,
)
from tests.web.conftest import DIGEST
from tests.web.deployed import bring, three_good_releases

PLACE = "/api/v1/services/shop/environments/production"


@pytest.fixture
def headers(house):
    return house.token("deployer", name="ci")


def test_a_release_is_deployed_by_its_number(client, house, headers):
    number = house.release().number

    answer = client.post(f"{PLACE}/deployments", json={"release": number}, headers=headers)

    assert answer.status_code == 202
    deployment = house.ports.deployments.deployment(answer.json["deployment"])
    assert (deployment.release.number, deployment.reason, deployment.requested_by) == (
        number,
        "manual",
        "api:ci",
    )
    assert house.queue.woken == [f"deployment {deployment.id}"]


@pytest.mark.parametrize("repository", ["127.0.0.1:5000/shop", "registry.example.com/acme/other"])
def test_an_image_is_deployed_by_its_digest(client, house, headers, repository):
    image = f"{repository}@{DIGEST}"

    answer = client.post(f"{PLACE}/deployments", json={"image": image}, headers=headers)

    assert answer.status_code == 202
    assert house.ports.deployments.deployment(answer.json["deployment"]).release.image == image


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"release": 1, "image": f"a@{DIGEST}"},
        {"release": 0},
        {"release": "1"},
        {"release": True},
        {"release": 10**12},
        {"image": "a:latest"},
        {"image": "a@sha256:short"},
        {"image": f"--all @{DIGEST}"},
        {"release": 1, "force": True},
    ],
)
def test_orders_that_make_no_sense_are_refused(client, headers, body):
    assert client.post(f"{PLACE}/deployments", json=body, headers=headers).status_code == 400


def test_an_image_without_a_digest_is_refused_with_a_sentence(client, headers):
    answer = client.post(f"{PLACE}/deployments", json={"image": "127.0.0.1:5000/shop:v1"}, headers=headers)

    assert answer.status_code == 400
    assert "was refused: image: an image is named by its digest" in answer.json["detail"]
    assert "named by its digest, as repository@sha256:…; a tag alone is not enough" in answer.json["detail"]


def test_what_is_live_elsewhere_is_promoted_as_the_very_image(client, house, headers):
    bring(house, house.release().number)
    place = PLACE.replace("production", "test")

    answer = client.post(f"{place}/deployments", json={"from": "production"}, headers=headers)

    assert answer.status_code == 202
    deployment = house.ports.deployments.deployment(answer.json["deployment"])
    assert (deployment.environment, deployment.release.environment) == ("test", "test")
    assert deployment.release.image.endswith(DIGEST)
    assert "DB_URL" not in deployment.release.spec.secrets


@pytest.mark.parametrize(
    ("origin", "status", "says"),
    [
        ("test", 409, "Nothing is live on shop/test"),
        ("production", 400, "cannot be promoted onto itself"),
        ("moon", 404, "moon"),
    ],
)
def test_what_cannot_be_promoted_says_why(client, headers, origin, status, says):
    answer = client.post(f"{PLACE}/deployments", json={"from": origin}, headers=headers)

    assert answer.status_code == status
    assert says in answer.json["detail"]


def test_what_is_at_work_is_not_promoted(client, house, headers):
    bring(house, house.release().number, Status.ROLLING)

    answer = client.post(
        f"{PLACE.replace('production', 'test')}/deployments", json={"from": "production"}, headers=headers
    )

    assert answer.status_code == 409
    assert "is at work on shop/production" in answer.json["detail"]


def test_promoting_needs_rights_on_both_sides(client, house):
    bring(house, house.release().number)
    bound = house.token("deployer", "shop/test")

    answer = client.post(
        f"{PLACE.replace('production', 'test')}/deployments", json={"from": "production"}, headers=bound
    )

    assert answer.status_code == 403


def test_an_unknown_release_is_404(client, headers):
    assert client.post(f"{PLACE}/deployments", json={"release": 9}, headers=headers).status_code == 404
    assert client.post(f"{PLACE}/rollback", json={"release": 9}, headers=headers).status_code == 404


@pytest.mark.parametrize("body", [None, {}])
def test_a_rollback_without_a_number_goes_to_the_good_release_before_the_live_one(
    client, house, headers, body
):
    three_good_releases(house)

    answer = client.post(f"{PLACE}/rollback", json=body, headers=headers)

    assert answer.status_code == 202
    shown = client.get(f"/api/v1/deployments/{answer.json['deployment']}", headers=headers).json
    assert (shown["release"], shown["previous_release"], shown["reason"]) == (2, 3, "rollback")


def test_a_rollback_without_any_body_or_type_is_accepted(client, house, headers):
    three_good_releases(house)

    assert client.post(f"{PLACE}/rollback", headers=headers).status_code == 202


def test_a_rollback_goes_to_the_release_that_is_named(client, house, headers):
    three_good_releases(house)

    answer = client.post(f"{PLACE}/rollback", json={"release": 1}, headers=headers)

    assert house.ports.deployments.deployment(answer.json["deployment"]).release.number == 1


def test_with_nothing_to_go_back_to_a_rollback_is_409_and_says_why(client, house, headers):
    answer = client.post(f"{PLACE}/rollback", json={}, headers=headers)

    assert answer.status_code == 409
    assert "nothing to go back to" in answer.json["detail"]


def test_a_live_environment_is_scaled(client, house, headers):
    three_good_releases(house)

    answer = client.post(f"{PLACE}/scale", json={"replicas": 5}, headers=headers)

    assert answer.status_code == 202
    deployment = house.ports.deployments.deployment(answer.json["deployment"])
    assert (deployment.replicas, deployment.reason) == (5, "scale")


@pytest.mark.parametrize("replicas", [0, -1, 101, "2", 1.5, None])
def test_numbers_of_replicas_that_make_no_sense_are_refused(client, headers, replicas):
    assert client.post(f"{PLACE}/scale", json={"replicas": replicas}, headers=headers).status_code == 400


def test_nothing_live_cannot_be_scaled(client, headers):
    assert client.post(f"{PLACE}/scale", json={"replicas": 2}, headers=headers).status_code == 409


@pytest.mark.parametrize("wish", ["pause", "resume", "promote", "abort"])
def test_a_persons_wish_reaches_the_driver(client, house, headers, wish):
    deployment = bring(house, house.release().number, Status.ROLLING)

    answer = client.post(f"/api/v1/deployments/{deployment}/{wish}", headers=headers)

    assert (answer.status_code, answer.json) == (202, {"deployment": deployment, "request": wish})
    assert house.ports.deployments.requested(deployment) is Request(wish)
    assert house.queue.woken == [f"deployment {deployment}"]


def test_what_is_over_takes_no_wishes(client, house, headers):
    deployment = bring(house, house.release().number)

    assert client.post(f"/api/v1/deployments/{deployment}/abort", headers=headers).status_code == 409


def test_a_deployment_shows_its_hosts_its_error_and_its_history(client, house, headers):
    deployment = bring(house, house.release().number, Status.ROLLING)

    shown = client.get(f"/api/v1/deployments/{deployment}", headers=headers).json

    assert shown["status"] == "rolling"
    assert shown["blocked"] == ""
    share = {"replicas": 2, "why": "every host of the environment runs it", "until": None, "probes": []}
    assert shown["hosts"] == [
        {"host": "web-1", "phase": "baking", "error": "container abc exited with 1", **share},
        {"host": "web-2", "phase": "waiting", "error": "", **share},
    ]
    assert [(event["host"], event["text"]) for event in shown["events"]][-1] == ("web-1", "now rolling")
    assert [event["id"] for event in shown["events"]] == sorted(event["id"] for event in shown["events"])


def test_deployments_are_listed_by_place(client, house, headers):
    three_good_releases(house)

    here = client.get("/api/v1/deployments?service=shop&environment=production&limit=2", headers=headers).json
    elsewhere = client.get("/api/v1/deployments?service=blog", headers=headers).json

    assert [one["release"] for one in here["deployments"]] == [3, 2]
    assert here["next"] == here["deployments"][-1]["id"]
    assert elsewhere == {"deployments": [], "next": None}


def test_the_history_is_read_from_any_event_and_followed_to_the_end(client, house, headers):
    deployment = bring(house, house.release().number)
    path = f"/api/v1/deployments/{deployment}/events"

    events = client.get(path, headers=headers).json["events"]
    later = client.get(f"{path}?after={events[0]['id']}", headers=headers).json["events"]
    followed = client.get(f"{path}?follow=1", headers=headers | {"Last-Event-ID": str(events[0]["id"])})

    assert later == events[1:]
    assert followed.mimetype == "text/event-stream"
    assert followed.text.count("id: ") == len(later) + 1
    assert followed.text.endswith('event: end\ndata: {"status": "succeeded"}\n\n')


def test_the_environment_shows_what_is_live(client, house, headers):
    three_good_releases(house)

    shown = client.get(PLACE, headers=headers).json

    assert (shown["live"], shown["last_good"], shown["release"]["number"]) == (3, 3, 3)
    assert shown["active_deployment"] is None


def test_a_host_that_is_checked_shows_its_probes_and_its_deadline(client, house, headers):
    deployment = bring(house, house.release().number, Status.ROLLING)
    books, by = house.ports.deployments, datetime(2026, 1, 1, 12, tzinfo=UTC)
    replica = ReplicaRecord(0, "abc", "t0", good=1, note="GET /healthz answered 200")
    record = HostRecord("web-1", HostPhase.CHECKING, health_by=by, replicas=(replica,))
    lease = house.ports.leases.take(deployment_key(deployment), "test", 30)
    books.save(replace(books.deployment(deployment), records=(record,)), [], lease)

    shown = client.get(f"/api/v1/deployments/{deployment}", headers=headers).json["hosts"][0]

    assert shown["until"] == "2026-01-01T12:00:00Z"
    assert shown["probes"] == [
        {"index": 0, "good": 1, "bad": 0, "rise": 2, "fall": 3, "smoked": True}
        | {"note": "GET /healthz answered 200"}
    ]
