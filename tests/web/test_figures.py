"""`GET /services/<s>/figures`: the numbers, a point for each day, and only what the caller may see."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from pipeline.figures.fact import Fact, StageTime
from pipeline.rollout.deployment import Reason, Status
from pipeline.web.app import create_app
from tests.web.conftest import House

PATH = "/api/v1/services/shop/figures"


@pytest.fixture
def client(house: House) -> FlaskClient:
    now = house.ports.clock.now()

    class Book:
        def facts(self, service: str, since: object) -> list[Fact]:
            places = ("production", "test")
            return [Fact(n, p, 1, Reason.PUSH, Status.SUCCEEDED, now, now) for n, p in enumerate(places)]

        def stage_times(self, service: str, since: object, limit: int = 2000) -> list[StageTime]:
            return [StageTime("build", now, 4.0)]

    return create_app(replace(house.ports, figures=Book())).test_client()


def test_each_environment_has_its_figures_and_a_point_for_each_day(client: FlaskClient, house: House):
    answer = client.get(f"{PATH}?days=7", headers=house.token("viewer")).json

    assert answer
    production = answer["environments"][0]
    assert production["environment"] == "production"
    assert (production["deployments"], production["failure_rate"]) == (1, 0.0)
    assert production["lead_seconds"] == {"median": 0.0, "p95": 0.0, "count": 1}
    assert [day["deployments"] for day in production["days"]] == [0, 0, 0, 0, 0, 0, 1]
    assert answer["stages"][0]["seconds"]["median"] == 4.0
    assert len(answer["stages"][0]["days"]) == 7


def test_a_token_of_one_environment_sees_that_one(client: FlaskClient, house: House):
    answer = client.get(PATH, headers=house.token("viewer", "shop/test")).json

    assert [one["environment"] for one in answer["environments"]] == ["test"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "status"), [("?days=0", 400), ("?days=366", 400), ("?days=x", 400), ("", 200)]
)
def test_days_are_bounded(query: str, status: int, client: FlaskClient, house: House):
    assert client.get(PATH + query, headers=house.token("viewer")).status_code == status


def test_a_service_that_is_not_there_is_said(client: FlaskClient, house: House):
    assert client.get("/api/v1/services/nope/figures", headers=house.token("viewer")).status_code == 404
