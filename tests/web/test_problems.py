"""Every error leaves as a problem document."""

import logging

import pytest

from pipeline import errors
from pipeline.errors import ShipwayError
from pipeline.web.problems import problem_of

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ShipwayError)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_its_status_and_a_name_of_its_own(kind):
    problem = problem_of(kind("No."), "/x", "id")

    assert problem.status == kind.status
    assert problem.detail == "No."
    assert len({problem_of(other("No."), "/x", "id").type for other in TREE}) == len(TREE)


def test_the_unexpected_is_500_with_an_id_and_keeps_its_traceback_to_the_log(
    client, house, monkeypatch, caplog
):
    def explode(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(house.ports.inbox, "troubles", explode)  # only a bug does this; there is none to call

    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/services", headers=house.token("viewer"))

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "hunter2" not in answer.text
    assert answer.json["request_id"] in answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/hooks/gitlab", 405), ("PUT", "/healthz", 405), ("POST", "/", 405)],
)
def test_what_http_refuses_is_a_problem_too(client, method, path, status):
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_body_of_another_kind_is_415(client, house):
    answer = client.post(
        "/api/v1/services/shop/environments/production/rollback",
        data="release=1",
        headers=house.token("deployer"),
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 415


def test_a_body_of_the_api_over_one_megabyte_is_413(client, house):
    answer = client.post(
        "/api/v1/services/shop/environments/production/rollback",
        data=b'{"release": 1' + b" " * 1024 * 1024 + b"}",
        headers=house.token("deployer"),
        content_type="application/json",
    )

    assert answer.status_code == 413
    assert "1048576" in answer.json["detail"]
