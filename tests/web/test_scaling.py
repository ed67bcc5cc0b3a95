"""The call about scaling, the service's page, the metrics, and the answer to a person's scale."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.scaling.group import Decided, Figure, Memory, Verdict
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.web.app import create_app
from tests.contracts.samples import created, settle
from tests.web.conftest import House

SCALING = Scaling(2, 8, (Target(Measure.CPU, 60.0),))
NOW = datetime.now(UTC)
MEMORY = Memory(
    at=NOW,
    verdict=Verdict.AT_MAX,
    reason="cpu is 90 %, more than 60 % for 3 looks in a row: 12 are wanted and at most 8 allowed",
    size=8,
    low=2,
    high=8,
    figures=(Figure("cpu", 60.0, 90.0),),
)
LINE = Decided("shop/production", NOW, Verdict.OUT, 2, 8, "cpu is 240 %", 7)


@pytest.fixture
def headers(house: House) -> dict[str, str]:
    return house.token("deployer")


@pytest.fixture
def scaled(house: House) -> House:
    return with_scaling(house, SCALING)


def with_scaling(house: House, scaling: Scaling) -> House:
    shop = house.ports.settings.services["shop"]
    production = replace(shop.environments["production"], scaling=scaling)
    services = {"shop": replace(shop, environments=shop.environments | {"production": production})}
    settings = replace(house.ports.settings, services=house.ports.settings.services | services)
    ports = replace(house.ports, settings=settings, scaling=house.store.scaling, pulse=house.store.pulse)
    return replace(house, ports=replace(ports, told=house.store.notices))


def asked(house: House, headers: dict[str, str], query: str = ""):
    return create_app(house.ports).test_client().get(f"/api/v1/scaling{query}", headers=headers)


def test_it_tells_bounds_targets_and_what_was_decided_and_why(scaled, headers):
    scaled.store.scaling.save({"shop/production": MEMORY}, [LINE])

    (group,) = asked(scaled, headers, "?service=shop&environment=production").json["groups"]

    assert (group["service"], group["environment"], group["min"], group["max"]) == (
        "shop",
        "production",
        2,
        8,
    )
    assert (group["verdict"], group["reason"]) == ("at-max", MEMORY.reason)
    assert group["measured"] == [{"measure": "cpu", "target": 60.0, "value": 90.0, "why": ""}]
    (line,) = group["decisions"]
    assert (line["before"], line["after"], line["deployment"], line["reason"]) == (2, 8, 7, "cpu is 240 %")


def test_before_the_first_look_it_says_so(scaled, headers):
    (group,) = asked(scaled, headers).json["groups"]

    assert (group["verdict"], group["measured"][0]["why"]) == (None, "it was not looked at yet")


def test_a_bound_token_sees_its_own_and_unknown_names_are_refused(scaled, headers):
    bound = scaled.token("viewer", "shop/test")

    assert asked(scaled, bound).json["groups"] == []
    assert asked(scaled, bound, "?service=shop&environment=production").status_code == 403
    assert asked(scaled, headers, "?service=nothing").status_code == 404
    assert asked(scaled, headers, "?service=shop&environment=nothing").status_code == 404
    assert asked(scaled, {}).status_code == 401


@pytest.mark.parametrize(
    ("scaling", "replicas", "note"),
    [
        (SCALING, 12, "12 become 8 at one of its next looks"),
        (SCALING, 1, "1 become 2 at one of its next looks"),
        (SCALING, 5, "shrink 5 min after this at the earliest"),
        (replace(SCALING, protect=True), 12, "12 stay until a person changes that"),
    ],
)
def test_a_person_is_told_what_becomes_of_a_number(house, headers, scaling, replicas, note):
    settle(house.store, created(house.store).id)
    client = create_app(with_scaling(house, scaling).ports).test_client()

    answer = client.post(
        "/api/v1/services/shop/environments/production/scale", json={"replicas": replicas}, headers=headers
    )

    assert answer.status_code == 202, answer.json
    assert note in answer.json["note"]


def test_metrics_tell_what_was_measured_and_what_holds_it_back(scaled):
    scaled.store.scaling.save({"shop/production": MEMORY}, [])

    text = create_app(scaled.ports).test_client().get("/metrics").text

    place = 'environment="production",{}service="shop"'
    assert f"shipway_scaling_held{{{place.format('')}}} 1.0" in text
    measured = place.format('measure="cpu",')
    assert f"shipway_scaling_measured{{{measured}}} 90.0" in text
    assert f"shipway_scaling_max{{{place.format('')}}} 8.0" in text
