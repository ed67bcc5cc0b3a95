"""`/metrics`, and that the dashboard and the alert rules in `deploy/` ask for nothing that is not there."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import promql_parser
import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.errors import Unreachable
from pipeline.rollout.deployment import Status
from pipeline.web.app import create_app
from pipeline.web.sighting import look
from tests.contracts.samples import AT, begun, created, delivery, handed_over, settle
from tests.web.conftest import House

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
BOARD = json.loads((DEPLOY / "grafana" / "shipway.json").read_text())
NAME = re.compile(r"\b(?:shipway_[a-z0-9_]+)\b")
GRAFANAS_OWN = re.compile(r"\$__(?:rate_interval|interval|range)|\$\{__\w+\}")
OURS = re.compile(r"[a-z_:][a-z0-9_:]*")


@pytest.fixture
def client(house: House) -> FlaskClient:
    ports = replace(house.ports, pulse=house.store.pulse, told=house.store.notices)
    return create_app(ports).test_client()


def scraped(client: FlaskClient) -> dict[str, float]:
    """Sample -> value, as Prometheus parses it."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def expressions() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in BOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (one["definition"] for one in BOARD["templating"]["list"] if "definition" in one)


def seen(house: House) -> FlaskClient:
    """With hosts that were looked at, a request that was answered and a delivery that was counted."""
    house.store.deployments.set_replicas("shop", "test", 1)
    settle(house.store, created(house.store).id)
    client = create_app(replace(house.ports, pulse=house.store.pulse)).test_client()
    client.post("/hooks/gitlab", json={})
    client.get("/metrics")
    for thread in threading.enumerate():
        if thread.name == "sighting":
            thread.join(10)
    return client


def test_every_metric_that_the_dashboard_and_the_rules_name_is_there(house: House):
    there = {name.partition("{")[0] for name in scraped(seen(house))}

    named = {name for text in expressions() for name in NAME.findall(text)}
    assert len(named) > 15
    assert named - there == set()


def test_names_are_as_prometheus_wants_them(house: House):
    for family in text_string_to_metric_families(seen(house).get("/metrics").text):
        assert OURS.fullmatch(family.name)
        assert family.name.startswith("shipway_")
        assert family.documentation
        assert not re.search(r"_(ms|millis|minutes|hours|kb|mb)$", family.name)
        assert family.type != "gauge" or not family.name.endswith("_total")


def test_the_rules_say_what_is_wrong_and_what_to_do():
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]

    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert all(rule["labels"]["severity"] in ("warning", "critical") for rule in rules)
    assert all({"summary", "description"} == set(rule["annotations"]) for rule in rules)


def test_prometheus_own_parser_takes_every_expression():
    """That of the rules and of the dashboard; Grafana fills its own words in before it asks."""
    asked = [text for text in expressions() if not text.startswith("label_values(")]

    for text in asked:
        promql_parser.parse(GRAFANAS_OWN.sub("5m", text))

    assert len(asked) > 20
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(shipway_runs[5m])")


def test_the_dashboard_is_one_that_grafana_takes():
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])
    assert all(
        t["datasource"]["uid"] == "${datasource}" for p in BOARD["panels"] for t in p.get("targets", ())
    )


def test_what_ends_is_counted_once_from_the_second_scrape_on(client: FlaskClient, house: House):
    settle(house.store, created(house.store).id)
    scraped(client)
    run, lease = begun(house.store)
    build = Stage(StageName.BUILD, StageStatus.FAILED, AT, AT + timedelta(seconds=42), "boom")
    house.store.runs.save_stage(run, build, lease)
    house.store.runs.finish(run, "failed", "boom", lease)
    _, number = handed_over(house.store)
    noticed = house.ports.clock.now() - timedelta(seconds=30)
    settle(house.store, number, Status.ROLLED_BACK, failed_at=noticed)

    for _ in range(3):
        found = scraped(client)

    place = "environment=production,service=shop"
    assert found["shipway_stage_seconds_count{stage=build,status=failed}"] == 1
    assert found["shipway_stage_seconds_sum{stage=build,status=failed}"] == 42
    assert (
        found["shipway_deployments_ended_total{environment=production,outcome=rolled_back,service=shop}"] == 1
    )
    assert (
        found["shipway_deployments_ended_total{environment=production,outcome=succeeded,service=shop}"] == 0
    )
    assert found[f"shipway_rollback_seconds_count{{{place}}}"] == 1
    assert 29 < found[f"shipway_rollback_seconds_sum{{{place}}}"] < 60


def test_what_the_file_does_not_name_makes_no_series(client: FlaskClient, house: House):
    scraped(client)
    settle(house.store, created(house.store, service="gone").id)

    assert not [name for name in scraped(client) if "gone" in name]


def test_ages_and_depths_come_from_the_books(client: FlaskClient, house: House):
    run, _ = begun(house.store)
    house.store.leases.take("scheduler", "s", 60)
    house.store.inbox.receive(delivery())

    found = scraped(client)

    assert found["shipway_queue_age_seconds"] >= 0
    assert found["shipway_leases{kind=run}"] == 1
    assert found["shipway_leases{kind=scheduler}"] == 1
    assert found["shipway_scheduler_late_seconds"] == 0
    assert found["shipway_outbox_depth"] >= run
    assert found["shipway_notices{fate=dead}"] == 0
    assert found["shipway_repository_trouble_seconds{service=blog}"] == 0


def test_a_scheduler_that_is_gone_is_late(client: FlaskClient, house: House):
    house.store.leases.take("scheduler", "s", -30)

    assert scraped(client)["shipway_scheduler_late_seconds"] >= 30


def test_a_look_at_the_hosts_says_who_answers_and_what_runs(house: House):
    found = look(house.ports)

    assert found.reachable == {"web-1": True, "web-2": False}
    assert found.running["shop", "production", 1] == 1


def test_replicas_that_should_run_and_those_that_do(house: House):
    found = scraped(seen(house))

    place = "environment=production,service=shop"
    assert found[f"shipway_replicas_wanted{{{place}}}"] == 4
    assert found[f"shipway_replicas_ready{{{place}}}"] == 1
    assert found["shipway_host_reachable{host=web-2}"] == 0


def test_a_database_that_is_away_costs_a_scrape_its_half_and_no_count(house: House):
    class Away:
        def __getattr__(self, name: str) -> object:
            raise Unreachable("the database is away")

    client = create_app(replace(house.ports, pulse=Away())).test_client()

    found = scraped(client)

    assert found["shipway_up{part=database}"] == 0
    assert found["shipway_workers"] >= 0
