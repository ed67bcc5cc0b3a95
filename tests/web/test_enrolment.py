"""The calls about hosts that join: invited by admins, looked at by all, taken out when nothing runs there."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from pipeline.enrolment.enrol import arrive, enrol
from pipeline.errors import Unreachable
from pipeline.fleet.check import Check, CheckState
from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined
from pipeline.standing import live
from pipeline.web.app import create_app
from runners.standing import Standing
from tests.enrolment.ground import SEEN, Hands, desk_on, request_of, serial_of
from tests.web.conftest import House
from tests.web.deployed import bring

HOSTS = "/api/v1/hosts"


class Looks:
    """web-1 is well."""

    def of(self, host: Host) -> list[Check]:
        state = CheckState.OK if host.name == "web-1" else CheckState.BAD
        names = ("reachable", "engine", "disk", "clock", "registry")
        return [Check(name, state, f"{name} of {host.name}") for name in names]


@pytest.fixture
def open_house(house: House, tmp_path: Path) -> House:
    """With a door; its settings follow who joined at once."""
    desk, roster = desk_on(house.store, Hands(), tmp_path), house.store.roster
    standing = Standing(house.ports.settings, roster, lambda: float("inf"))
    ports = replace(
        house.ports,
        enrolment=desk,
        roster=roster,
        checks=Looks(),
        settings=live(house.ports.settings, standing),
    )
    return replace(house, ports=ports)


@pytest.fixture
def client(open_house: House) -> FlaskClient:
    return create_app(open_house.ports).test_client()


@pytest.fixture
def admin(open_house: House) -> dict[str, str]:
    return open_house.token("admin")


def join(house: House, token: str) -> None:
    desk = house.ports.enrolment
    assert desk is not None
    papers = enrol(token, request_of(), SEEN, desk)
    arrive(serial_of(papers.client), token, SEEN, desk)


def test_line_and_user_data_are_answered_once_and_kept_nowhere(client, open_house, admin):
    answer = client.post(
        f"{HOSTS}/invitations", json={"labels": {"role": "web"}, "via": "tls"}, headers=admin
    )

    assert answer.status_code == 201
    token = answer.json["token"]
    assert answer.json["line"].endswith(f"sh host.sh join {token}'")
    assert token in answer.json["user_data"]
    assert token not in str(open_house.store.audit.entries())
    assert "host.invite" in str(open_house.store.audit.entries())


def test_host_that_joined_is_shown_with_all_that_is_known_of_it(client, open_house, admin):
    body = {"labels": {"role": "web"}, "region": "hz", "via": "tls"}
    join(open_house, client.post(f"{HOSTS}/invitations", json=body, headers=admin).json["token"])

    shown = next(one for one in client.get(HOSTS, headers=admin).json["hosts"] if one["name"] == "web-7")

    assert (shown["engine"], shown["region"], shown["labels"]) == (
        "tcp://10.0.0.7:2376",
        "hz",
        {"role": "web"},
    )
    joined = shown["joined"]
    assert (joined["provider"], joined["instance"], joined["engine_version"]) == ("aliyun", "i-7", "27.1")
    assert joined["certificate_until"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "Web 7"}, 400),
        ({"name": "file-1"}, 409),
        ({"labels": {"a b": "c"}}, 400),
        ({"labels": {"role": "web\n"}}, 400),
        ({"via": "smoke"}, 400),
        ({"minutes": 0}, 400),
        ({"minutes": 100000}, 400),
        ({"pool": "web"}, 400),
    ],
)
def test_invitation_that_will_not_do_is_refused(client, admin, body, status):
    assert client.post(f"{HOSTS}/invitations", json=body, headers=admin).status_code == status


@pytest.mark.parametrize(
    ("path", "role", "scopes"),
    [
        ("invitations", "deployer", ()),
        ("invitations", "admin", ("shop",)),
        ("web-1/revoke", "deployer", ()),
        ("web-1/remove", "admin", ("shop",)),
        ("web-1/protect", "viewer", ()),
    ],
)
def test_who_may_not_is_refused(client, open_house, path, role, scopes):
    headers = open_house.token(role, *scopes)

    assert client.post(f"{HOSTS}/{path}", json={}, headers=headers).status_code == 403


def test_without_a_door_nobody_is_invited(house):
    answer = (
        create_app(house.ports)
        .test_client()
        .post(f"{HOSTS}/invitations", json={}, headers=house.token("admin"))
    )

    assert answer.status_code == 404
    assert "enrolment" in answer.json["detail"]


def test_host_leaves_when_nothing_runs_there_and_by_force_before(client, open_house, admin):
    open_house.store.roster.add(Joined(Host("web-1", "agent:web-1", "10.0.0.1"), datetime.now(UTC)))
    bring(open_house, open_house.release().number)

    refused = client.post(f"{HOSTS}/web-1/remove", json={}, headers=admin)
    assert refused.status_code == 409
    assert "hosts drain web-1" in refused.json["detail"]

    assert client.post(f"{HOSTS}/web-1/remove", json={"force": True}, headers=admin).status_code == 200
    assert open_house.store.roster.joined() == {}


def test_host_of_the_file_is_not_taken_out_here(client, admin):
    answer = client.post(f"{HOSTS}/web-1/remove", json={}, headers=admin)

    assert answer.status_code == 404
    assert "shipway.yml" in answer.json["detail"]


def test_host_is_protected(client, open_house, admin):
    open_house.store.roster.add(Joined(Host("web-7", "agent:web-7", "10.0.0.7"), datetime.now(UTC)))

    assert client.post(f"{HOSTS}/web-7/protect", json={}, headers=admin).json == {
        "host": "web-7",
        "protected": True,
    }
    assert open_house.store.roster.joined()["web-7"].protected


def test_checklist_is_seven_things_in_one_order(client, open_house, admin):
    checks = client.get(f"{HOSTS}/web-1/checklist", headers=admin).json["checks"]

    assert [(one["name"], one["state"]) for one in checks] == [
        *((name, "ok") for name in ("reachable", "engine", "disk", "clock", "registry", "proxy")),
        ("load balancer", "none"),
    ]


def test_checklist_of_a_silent_host_asks_nothing_more(client, admin):
    checks = client.get(f"{HOSTS}/web-2/checklist", headers=admin).json["checks"]

    assert [one["state"] for one in checks[-2:]] == ["none", "none"]
    assert client.get(f"{HOSTS}/nobody/checklist", headers=admin).status_code == 404


@pytest.mark.parametrize(("scope", "status"), [("shop/test", 200), ("nothing", 403)])
def test_checklist_is_for_those_who_use_the_host(client, open_house, scope, status):
    assert (
        client.get(f"{HOSTS}/web-1/checklist", headers=open_house.token("viewer", scope)).status_code
        == status
    )


def test_line_is_refused_while_the_database_is_away(client, open_house, admin, monkeypatch):
    # the port raises what a database that went away does
    def away(_: object) -> str:
        raise Unreachable("The database does not answer.")

    monkeypatch.setattr(open_house.store.invitations, "invite", away)

    assert client.post(f"{HOSTS}/invitations", json={"via": "tls"}, headers=admin).status_code == 503
