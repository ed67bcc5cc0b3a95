"""Going back by hand: how fast, and what it keeps."""

from dataclasses import replace

import pytest

from pipeline.rollout.deployment import Status
from pipeline.rollout.policy import Approve, Order, Policy
from pipeline.rollout.release import HealthCheck, HealthKind
from pipeline.rollout.rollback import deploy_release, rollback
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage


def touched_at_once(stage: Stage, deployment_id: int) -> int:
    lines = [line for _, line in stage.books.deployments.happenings(deployment_id)]
    first = next(line.at for line in lines if line.kind == "starting")
    return sum(line.kind == "starting" and line.at == first for line in lines)


@pytest.mark.parametrize(("order", "hosts"), [(Order.START_FIRST, 3), (Order.STOP_FIRST, 1)])
def test_going_back_to_a_good_release_takes_all_hosts_at_once_unless_they_stop_first(order, hosts):
    stage = Stage(hosts=3, policy=replace(POLICY, order=order))
    old = stage.live()
    stage.run(stage.deploy(stage.release()))

    number = rollback(SHOP, PRODUCTION, None, "anna", stage.ports)
    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    assert touched_at_once(stage, number) == hosts
    stage.check(number, old)


def test_going_back_asks_nobody_and_keeps_as_many_hosts_in_rotation():
    policy = Policy(batch=1, canary=1, approve=Approve.BATCH)

    fast = policy.at_once()

    assert (fast.canary, fast.approve, fast.batch_of(5)) == (0, Approve.NONE, 5)
    assert fast.needed_of(5) == policy.needed_of(5) == 4


@pytest.mark.parametrize(
    "policy", [Policy(min_healthy=2), Policy(max_unavailable="50%"), Policy(batch="25%")]
)
def test_the_floor_stays_where_it_was(policy):
    assert policy.at_once().needed_of(8) == policy.needed_of(8)


def test_release_of_another_environment_is_asked_for_by_the_new_ones_own_name():
    stage = Stage(hosts=1)
    other = replace(stage.release(), environment="test")
    other = stage.books.releases.add(
        replace(other, spec=replace(other.spec, health=HealthCheck(HealthKind.HTTP, host="t")))
    )

    number = deploy_release(SHOP, PRODUCTION, other.number, None, "anna", stage.ports)

    deployment = stage.books.deployments.deployment(number)
    assert (
        deployment.release.spec.health.host
        == stage.ports.settings.environment(SHOP, PRODUCTION).domain
        != "t"
    )
