"""What a deployment under way would still do, told before it is asked: it comes true, and telling it changes nothing."""

from datetime import timedelta

import pytest

from pipeline.rollout.deployment import Request, Status
from pipeline.rollout.policy import Policy
from pipeline.rollout.preview import continued
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage

ENDS = {Request.ABORT: Status.ROLLED_BACK, Request.PROMOTE: Status.SUCCEEDED, Request.NONE: Status.SUCCEEDED}


def under_way(seconds: float, policy: Policy = POLICY) -> tuple[Stage, int]:
    stage = Stage(hosts=3, policy=policy)
    stage.live()
    number = stage.deploy(stage.release())
    until = stage.clock.now() + timedelta(seconds=seconds)
    stage.driver(number, lambda: stage.clock.now() >= until)
    return stage, number


@pytest.mark.parametrize("seconds", [1.0, 2.0, 4.0, 8.0, 12.0])
@pytest.mark.parametrize("wish", [Request.NONE, Request.ABORT])
def test_the_end_that_was_told_is_the_end_that_comes(seconds, wish):
    stage, number = under_way(seconds)

    told = continued(number, wish, stage.ports)
    if wish is not Request.NONE:
        stage.ports.deployments.ask(number, wish)

    assert told[-1].what == f"it ends {ENDS[wish].replace('_', ' ')}"
    assert stage.run(number).status is ENDS[wish]


def test_what_is_done_already_is_not_told_again():
    stage, number = under_way(8.0)
    done = {r.host for r in stage.ports.deployments.deployment(number).records if r.done}

    started = {
        step.host for step in continued(number, Request.NONE, stage.ports) if step.what.startswith("start")
    }

    assert done
    assert started
    assert not done & started


def test_telling_changes_nothing():
    stage, number = under_way(4.0)
    before = stage.ports.deployments.deployment(number), stage.kinds(number)
    containers = dict(stage.world.containers)

    continued(number, Request.ABORT, stage.ports)

    assert (stage.ports.deployments.deployment(number), stage.kinds(number)) == before
    assert stage.world.containers == containers
    assert stage.ports.deployments.active(SHOP, PRODUCTION).id == number
