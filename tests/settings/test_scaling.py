"""`scaling` of shipway.yml: what is understood, and what is told when it is wrong."""

from datetime import UTC, datetime

import pytest

from pipeline.fleet.metric import Criterion
from pipeline.fleet.window import read_window
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.secret import Secret
from pipeline.settings_file import all_secrets
from tests.settings.ground import HOSTS, SERVICE, faults, parse

AT = "services.shop.environments.production.scaling"


def with_scaling(keys: str) -> str:
    return HOSTS + SERVICE.replace(
        "        replicas: 2\n", f"        replicas: 2\n        scaling: {{{keys}}}\n"
    )


def scaling(keys: str, head: str = ""):
    return parse(head + with_scaling(keys)).services["shop"].environments["production"].scaling


def test_without_it_nothing_scales():
    assert parse(HOSTS + SERVICE).services["shop"].environments["production"].scaling is None


def test_defaults_are_those_of_the_manual():
    assert scaling("max: 8, target: {cpu: 60}") == Scaling(
        1, 8, (Target(Measure.CPU, 60.0),), (), 3, 15, 60.0, 300.0, 0.1, False
    )


def test_looks_are_a_quarter_of_a_minute_apart_or_as_the_file_says():
    file = HOSTS + SERVICE

    assert parse(file).server.scaling_every == 15.0
    assert parse("server: {scaling_every: 5s}\n" + file).server.scaling_every == 5.0


@pytest.mark.parametrize("every", ["4s", "61s", "0s"])
def test_looks_that_are_too_near_or_too_far_apart_are_refused(every: str):
    told = faults(f"server: {{scaling_every: {every}}}\n" + HOSTS + SERVICE)[-1]

    assert told.startswith("server.scaling_every")
    assert "from 5s to 1m" in told


def test_all_targets_are_taken_in_their_order():
    query = "{prometheus: 'http://p:9090', query: 'q{{service}}', target: 20, token: 'prom-token'}"

    found = scaling(f"max: 8, target: {{requests: 50, query: {query}, memory: 75}}")

    assert [(one.measure, one.value) for one in found.targets] == [
        ("memory", 75),
        ("requests", 50),
        ("query", 20),
    ]
    assert found.targets[2].criterion == Criterion(
        "http://p:9090", "q{{service}}", 20.0, Secret("prom-token")
    )


def test_its_token_is_masked():
    query = "{prometheus: 'http://p:9090', query: q, target: 20, token: 'prom-token'}"

    assert "prom-token" in all_secrets(parse(with_scaling(f"max: 8, target: {{query: {query}}}")))


def test_periods_are_of_the_servers_zone():
    weekly = "{window: 'Mon-Fri 18:00-23:00', min: 4, why: evening}"
    keys = f"max: 8, schedules: [{weekly}, {{from: 2026-11-11T00:00, until: 2026-11-12T00:00, max: 30}}]"

    week, once = scaling(keys, "server: {timezone: Asia/Shanghai}\n").periods

    assert week.window == read_window("Mon-Fri 18:00-23:00", "Asia/Shanghai")
    assert (week.minimum, week.maximum, week.why) == (4, None, "evening")
    assert once.span is not None
    assert once.span.since == datetime(2026, 11, 10, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("target: {cpu: 60}", f"{AT}.max"),
        (
            "max: 8",
            f"{AT}.target: has nothing to scale by; give cpu, memory, requests or query, or schedules",
        ),
        ("min: 9, max: 8, target: {cpu: 60}", f"{AT}.min: is 9, and max is 8; min cannot be larger"),
        ("max: 101, target: {cpu: 60}", f"{AT}.max"),
        ("max: 8, target: {cpu: 0}", f"{AT}.target.cpu"),
        ("max: 8, target: {cpu: 160}", f"{AT}.target.cpu"),
        ("max: 8, target: {requests: .nan}", f"{AT}.target.requests"),
        ("max: 8, target: {cpu: 60}, tolerance: 100%", f"{AT}.tolerance: must be below 100%"),
        ("max: 8, schedules: [{min: 2}]", f"{AT}.schedules[0]: says when it holds by `window`, or by"),
        (
            "max: 8, schedules: [{window: '08:00-09:00', from: 2026-01-01, until: 2026-01-02, min: 2}]",
            "give one of the two",
        ),
        ("max: 8, schedules: [{from: 2026-01-02, until: 2026-01-01, min: 2}]", "until: is not after `from`"),
        ("max: 8, schedules: [{window: '08:00-09:00'}]", "changes nothing; give it a min or a max"),
        ("max: 8, schedules: [{window: '08:00-09:00', min: 12}]", "is 12 there, and max is 8"),
    ],
)
def test_what_is_wrong_is_told_where_it_is(keys, fault):
    assert any(fault in line for line in faults(with_scaling(keys))), faults(with_scaling(keys))


def test_requests_need_a_proxy():
    text = with_scaling("max: 8, target: {requests: 50}").replace("        proxy: front\n", "")

    assert any(f"{AT}.target.requests: are counted by a proxy" in line for line in faults(text))


def test_a_singleton_does_not_scale():
    text = with_scaling("max: 8, target: {cpu: 60}").replace("rollout: {", "rollout: {singleton: true, ")

    assert any("singleton: is one replica for ever" in line for line in faults(text))
