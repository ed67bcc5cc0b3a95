"""A release travels over three hosts, and back when it is bad. Everything real but the fleet, the time and the books."""

import pytest

from pipeline.rollout.deployment import Status
from runners.stand_ins.things import Quality
from tests.rollout.stage import Stage


def test_good_release_ends_on_every_host():
    stage = Stage(hosts=3, replicas=2)
    stage.live()
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, fresh)


def test_release_that_never_gets_healthy_leaves_the_old_one_everywhere():
    stage = Stage(hosts=3, replicas=2)
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH)))

    assert deployment.status is Status.ROLLED_BACK
    assert "web-1, gate: replica 0 of release 2 was not healthy within 10 s" in deployment.error
    assert "503" in deployment.error
    assert stage.world.hurt == set()
    stage.check(deployment.id, old)


@pytest.mark.parametrize("quality", [Quality.BAD_BAKE, Quality.BAD_LATE, Quality.FLAP])
def test_release_that_breaks_under_traffic_hurts_one_host_and_goes_back(quality):
    stage = Stage(hosts=3)
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(quality)))

    assert deployment.status is Status.ROLLED_BACK
    assert stage.world.hurt == {"web-1"}
    stage.check(deployment.id, old)
