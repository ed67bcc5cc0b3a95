"""Prometheus as a further criterion of a rollout: over the limit, silent, without data."""

from dataclasses import replace

import pytest

from pipeline.fleet.metric import Criterion
from pipeline.rollout.deployment import Deployment, Request, Status
from pipeline.rollout.plan import plan
from pipeline.rollout.survey import survey
from tests.rollout.stage import POLICY, Stage

QUERY = 'sum(rate(failed{app="{service}-{environment}",release="{release}"}[1m]))'
ASKED = 'sum(rate(failed{app="shop-production",release="2"}[1m]))'


@pytest.fixture
def stage() -> Stage:
    stage = Stage(hosts=2, policy=replace(POLICY, metrics=(Criterion("http://prometheus", QUERY, 0.5),)))
    stage.live()
    return stage


def told(stage: Stage, deployment: Deployment) -> list[str]:
    return [h.text for _, h in stage.books.deployments.happenings(deployment.id) if h.kind == "metric"]


def test_release_over_the_limit_goes_back_from_the_first_host(stage):
    stage.world.metric = 0.7

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.ROLLED_BACK
    assert deployment.error == f"bake: metric {ASKED} is 0.7, more than 0.5 for release 2"
    assert not deployment.record("web-2").touched


def test_release_within_the_limit_succeeds_and_the_history_says_so(stage):
    stage.world.metric = 0.5

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.SUCCEEDED
    assert told(stage, deployment) == [f"metric {ASKED} is 0.5, at most 0.5 is allowed"]


def test_no_data_decides_nothing_and_is_said(stage):
    stage.world.metric = None

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.SUCCEEDED
    assert told(stage, deployment) == [f"metric {ASKED} has no data, so it counts neither for nor against"]


def paused(stage: Stage) -> int:
    """Driven until the silence of Prometheus has paused it."""
    stage.world.metric_error = "http://prometheus: no answer within 5 s"
    number: int = stage.deploy(stage.release())
    stage.driver(number, lambda: stage.books.deployments.deployment(number).status is Status.PAUSED)
    return number


def test_silent_prometheus_holds_the_rollout_at_its_first_host_and_then_pauses_it(stage):
    found = stage.books.deployments.deployment(paused(stage))

    assert found.error.startswith(f"paused: metric {ASKED} cannot be read: http://prometheus: no answer")
    assert (found.record("web-1").touched, found.record("web-2").touched) == (True, False)
    assert (found.paused_at - found.unread_since).total_seconds() >= POLICY.unreachable_grace
    assert "No further host begins until it answers" in told(stage, found)[0]


def test_resumed_rollout_goes_on_when_prometheus_answers_again(stage):
    number = paused(stage)
    stage.world.metric_error = ""
    stage.books.deployments.ask(number, Request.RESUME)

    deployment = stage.run(number)

    assert (deployment.status, deployment.error) == (Status.SUCCEEDED, "")


def test_short_silence_only_delays(stage):
    stage.world.metric_error = "no answer"
    number = stage.deploy(stage.release())
    stage.driver(number, lambda: stage.books.deployments.deployment(number).unread_since is not None)
    stage.world.metric_error = ""

    assert stage.run(number).status is Status.SUCCEEDED


def test_prometheus_is_not_asked_before_users_reach_the_release(stage):
    stage.world.metric = 0.7
    number = stage.deploy(stage.release())

    stage.driver(
        number, lambda: stage.books.deployments.deployment(number).record("web-1").admitted_at is not None
    )

    assert stage.books.deployments.deployment(number).readings == ()


def test_plan_names_the_metric_and_ends_well_without_asking_it(stage):
    stage.world.metric = 0.7
    number = stage.deploy(stage.release())
    deployment = stage.books.deployments.deployment(number)

    steps = plan(deployment, survey(deployment, stage.ports))

    assert any(f"metric {ASKED} at most 0.5" in step.why for step in steps)
    assert steps[-1].what == "it ends succeeded"
