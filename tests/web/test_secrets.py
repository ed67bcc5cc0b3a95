"""The calls about kept secrets: written, listed by name, never answered."""

from dataclasses import replace

import pytest

from pipeline.lease import deployment_key
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.draft import draft
from pipeline.stored_secret import Use
from pipeline.web.app import create_app
from tests.web.conftest import DB_PASSWORD

VALUE = "a value that nobody may read"
WHERE = {"service": "shop", "environment": "production"}


@pytest.fixture
def ports(house):
    return replace(house.ports, secrets=house.store.secrets)


@pytest.fixture
def client(ports):
    return create_app(ports).test_client()


@pytest.fixture
def admin(house):
    return house.token("admin", name="root")


@pytest.fixture
def live(house):
    """A release of production with an older value, live there."""
    release = house.release()
    place = house.ports.settings.environment("shop", "production")
    deployments = house.store.deployments
    number = deployments.create(draft(place, release, None, Reason.MANUAL, "ada", release.created_at))
    lease = house.store.leases.take(deployment_key(number), "me", 60.0)
    for status in (Status.ROLLING, Status.SUCCEEDED):
        deployments.save(replace(deployments.deployment(number), status=status), [], lease)
    return release.number


def test_a_value_goes_in_and_never_out(client, house, admin):
    answers = [
        client.post("/api/v1/secrets", json={"name": "DB_URL", "value": VALUE, **WHERE}, headers=admin),
        client.get("/api/v1/secrets", headers=admin),
        client.get("/api/v1/audit", headers=admin),
        client.delete("/api/v1/secrets/DB_URL?service=shop&environment=production", headers=admin),
        client.get("/api/v1/audit", headers=admin),
    ]

    assert [answer.status_code for answer in answers] == [200] * 5
    (shown,) = answers[1].json["secrets"]
    assert (shown["name"], shown["service"], shown["stage"], shown["set_by"]) == (
        "DB_URL",
        "shop",
        "run",
        "root",
    )
    assert [(e["action"], e["target"]) for e in answers[-1].json["entries"]] == [
        ("secret.remove", "secret DB_URL"),
        ("secret.set", "secret DB_URL"),
    ]
    assert '"environment":"production"' in answers[-1].json["entries"][0]["detail"]
    assert VALUE not in "".join(answer.text for answer in answers)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"service": "shp"}, 404, "no service 'shp'"),
        ({"service": "shop", "environment": "prod"}, 404, "no environment 'prod'"),
        ({"environment": "prod"}, 404, "There are: production, test"),
        ({"name": "1"}, 400, "name"),
        ({"name": f"DB_URL={VALUE}"}, 400, "name"),
        ({"stage": "deploy"}, 400, "stage"),
        ({"value": VALUE * 4000}, 400, "value"),
        ({"value": ""}, 400, "value"),
        ({"value": VALUE + "\0"}, 400, "NUL"),
        ({"valeu": VALUE}, 400, "valeu"),
    ],
)
def test_what_would_reach_nobody_is_refused_without_the_value(client, house, admin, more, status, words):
    body = {"name": "DB_URL", "value": VALUE, **more}

    answer = client.post("/api/v1/secrets", json=body, headers=admin)

    assert answer.status_code == status
    assert words in answer.json["detail"]
    assert VALUE not in answer.text
    assert VALUE not in client.get("/api/v1/audit", headers=admin).text
    assert house.store.secrets.secrets() == []


def test_a_secret_that_is_not_there_cannot_be_forgotten(client, admin):
    answer = client.delete("/api/v1/secrets/DB_URL?service=shop", headers=admin)

    assert answer.status_code == 404
    assert "shop/all environments (run)" in answer.json["detail"]


@pytest.mark.parametrize("stage", Use)
def test_a_changed_secret_tells_what_runs_with_the_old_value(client, admin, live, stage):
    body = {"name": "DB_URL", "value": VALUE, "stage": stage, **WHERE}

    answer = client.post("/api/v1/secrets", json=body, headers=admin).json

    shown = client.get("/api/v1/services/shop/environments/production", headers=admin).json
    old = {"service": "shop", "environment": "production", "release": live}
    assert answer["outdated"] == ([old] if stage is Use.RUN else [])
    assert shown["outdated_secrets"] == ["DB_URL"]  # shipway.yml of this house does not have it


def test_the_live_release_deployed_again_comes_as_a_new_one_with_the_value_of_now(client, house, admin, live):
    client.post("/api/v1/secrets", json={"name": "DB_URL", "value": VALUE, **WHERE}, headers=admin)
    path = "/api/v1/services/shop/environments/production/deployments"

    number = client.post(path, json={"release": live}, headers=admin).json["deployment"]

    release = house.store.deployments.deployment(number).release
    old = house.store.releases.release("shop", live)
    assert (release.number, release.image, release.spec.env) == (live + 1, old.image, old.spec.env)
    assert release.spec.secrets["DB_URL"].reveal() == VALUE
    assert old.spec.secrets["DB_URL"].reveal() == DB_PASSWORD


def test_the_live_release_with_the_secrets_of_now_stays_the_same_one(client, house, admin, live):
    body = {"name": "DB_URL", "value": DB_PASSWORD, **WHERE}
    assert client.post("/api/v1/secrets", json=body, headers=admin).json["outdated"] == []
    path = "/api/v1/services/shop/environments/production"

    number = client.post(f"{path}/deployments", json={"release": live}, headers=admin).json["deployment"]

    assert house.store.deployments.deployment(number).release.number == live
    assert client.get(path, headers=admin).json["outdated_secrets"] == []


def test_an_image_by_hand_gets_the_secrets_of_now(client, house, admin, live):
    client.post("/api/v1/secrets", json={"name": "DB_URL", "value": VALUE, **WHERE}, headers=admin)
    image = "r.example.com/shop@sha256:" + "e" * 64
    path = "/api/v1/services/shop/environments/production/deployments"

    number = client.post(path, json={"image": image}, headers=admin).json["deployment"]

    assert house.store.deployments.deployment(number).release.spec.secrets["DB_URL"].reveal() == VALUE
