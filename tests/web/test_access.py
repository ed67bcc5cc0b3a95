"""Who may call what: every call × every role, scopes, and what a refusal says."""

import re

import pytest

from pipeline.caller import Caller
from pipeline.errors import Forbidden
from pipeline.web.api import CALLS
from pipeline.web.auth import RANK, Role, demand, within
from tests.web.conftest import COMMIT, House

ROLES = sorted(RANK, key=lambda role: RANK[role])


def url(call, service: str = "shop", environment: str = "production") -> str:
    path = call.open_path.replace("{service}", service).replace("{environment}", environment)
    return re.sub(r"{\w+}", "1", path)


def make_run(house: House) -> int:
    from pipeline.delivery.run import NewRun

    return house.ports.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "test")).id


@pytest.mark.parametrize("role", ROLES)
def test_a_role_passes_exactly_the_calls_of_its_rank(client, house, role):
    headers = house.token(role)

    passed = {
        call.name: client.open(url(call), method=call.method, headers=headers).status_code != 403
        for call in CALLS
    }

    assert passed == {call.name: RANK[role] >= RANK[call.role] for call in CALLS}


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer shw_nobody", "Basic YTpi", "Bearer sh\xfc", "shw_x", "Bearer " + "x" * 9000],
)
def test_without_a_known_token_every_call_is_401(client, authorization):
    headers = {"Authorization": authorization} if authorization else {}

    answers = [client.open(url(call), method=call.method, headers=headers) for call in CALLS]

    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)
    assert {answer.content_type for answer in answers} == {"application/problem+json"}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1/nothing", "/api/v1/openapi.json"])
def test_the_rest_of_the_api_wants_a_token_too(client, path):
    assert client.get(path).status_code == 401


def test_a_revoked_token_is_401_at_once(client, house):
    headers = house.token("viewer", name="gone")
    assert client.get("/api/v1/me", headers=headers).status_code == 200

    house.store.tokens.revoke("gone")

    assert client.get("/api/v1/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "call", [c for c in CALLS if "<environment>" in c.path], ids=lambda c: f"{c.method} {c.path}"
)
def test_a_bound_token_does_not_reach_another_environment(client, house, call):
    headers = house.token("admin", "shop/test", "blog")

    there = client.open(url(call), method=call.method, headers=headers)
    at_home = client.open(url(call, environment="test"), method=call.method, headers=headers)

    assert there.status_code == 403
    assert "shop/production" in there.json["detail"]
    assert at_home.status_code != 403


@pytest.mark.parametrize(
    "call", [c for c in CALLS if "<id:run>" in c.path], ids=lambda c: f"{c.method} {c.path}"
)
def test_a_bound_token_does_not_reach_another_environments_run(client, house, call):
    make_run(house)

    answer = client.open(url(call), method=call.method, headers=house.token("admin", "shop/test"))

    assert answer.status_code == 403


@pytest.mark.parametrize("call", [c for c in CALLS if c.unbound], ids=lambda c: f"{c.method} {c.path}")
def test_a_bound_admin_cannot_reach_beyond_by_calls_about_everything(client, house, call):
    answer = client.open(url(call), method=call.method, headers=house.token("admin", "shop"), json={})

    assert answer.status_code == 403
    assert "not bound" in answer.json["detail"]


def test_lists_hold_only_what_a_bound_token_reaches(client, house):
    make_run(house)
    headers = house.token("viewer", "shop/test")

    assert client.get("/api/v1/runs", headers=headers).json["runs"] == []
    (service,) = client.get("/api/v1/services", headers=headers).json["services"]
    assert [environment["name"] for environment in service["environments"]] == ["test"]
    hosts = client.get("/api/v1/hosts", headers=headers).json["hosts"]
    assert [(host["name"], host["environments"]) for host in hosts] == [("web-1", ["shop/test"])]


@pytest.mark.parametrize(
    "path", ["/runs?service=blog", "/deployments?service=blog", "/releases?service=blog", "/services/blog"]
)
def test_asking_for_a_service_beyond_the_bounds_is_refused(client, house, path):
    assert client.get(f"/api/v1{path}", headers=house.token("viewer", "shop")).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "service", "environment", "reached"),
    [
        ((), "shop", "production", True),
        (("shop",), "shop", "production", True),
        (("shop/production",), "shop", "production", True),
        (("shop/production",), "shop", "test", False),
        (("shop/production",), "shop", "", True),
        (("shop/production",), "shopping", "", False),
        (("shop",), "shopping", "production", False),
        (("blog", "shop/test"), "shop", "production", False),
    ],
)
def test_a_token_reaches_its_scopes_and_nothing_else(scopes, service, environment, reached):
    assert within(Caller("c", "viewer", scopes), service, environment) is reached


def test_an_unknown_role_may_do_nothing():
    with pytest.raises(Forbidden, match="emperor"):
        demand(Caller("c", "emperor"), Role.VIEWER)
