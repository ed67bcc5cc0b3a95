"""Rollouts whose hosts are away, come back, get lost, or are started anew."""

from datetime import timedelta

from pipeline.rollout.deployment import HostPhase, Status
from runners.stand_ins.things import Quality
from tests.rollout.stage import POLICY, Stage


def test_host_that_is_away_is_left_out_and_said():
    stage = Stage(hosts=3)
    stage.live()
    stage.world.up["web-2"] = False
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert deployment.record("web-2").phase is HostPhase.SKIPPED
    assert "no answer within 5 s" in deployment.record("web-2").error
    stage.check(deployment.id, fresh)


def test_too_many_hosts_away_fail_before_anything_is_touched():
    stage = Stage(hosts=3)
    stage.live()
    stage.world.up["web-2"] = stage.world.up["web-3"] = False

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.FAILED
    assert "too few hosts" in deployment.error
    assert stage.running("web-1") == [(1, 0)]


def test_host_that_comes_back_during_the_rollout_is_taken_along():
    stage = Stage(hosts=3)
    stage.live()
    stage.world.up["web-2"] = False
    fresh = stage.release()
    number = stage.deploy(fresh)
    stage.driver(number, lambda: bool(stage.books.deployments.deployment(number).record("web-3").touched))

    stage.world.up["web-2"] = True
    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    assert deployment.record("web-2").phase is HostPhase.DONE
    stage.check(number, fresh)


def test_host_that_comes_back_late_on_the_way_back_gets_no_traffic_before_it_is_well():
    stage = Stage(hosts=3)
    stage.live()
    stage.world.up["web-3"] = False
    old = stage.release()
    stage.run(stage.deploy(old))
    number = stage.deploy(stage.release(Quality.BAD_BAKE))
    stage.driver(number, lambda: stage.books.deployments.deployment(number).status is Status.ROLLING_BACK)
    front = stage.world.front(stage.sites[0])
    front.stuck = True
    much_later = stage.clock.now() + timedelta(seconds=2 * POLICY.deadline)
    stage.driver(number, lambda: stage.clock.now() > much_later)

    stage.world.up["web-3"] = True
    stage.driver(number, lambda: stage.serves(stage.sites[2]) == {old.number})
    front.stuck = False
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    stage.check(number, old)


def test_host_that_is_lost_after_it_was_touched_is_never_said_to_answer_again():
    stage = Stage(hosts=2)
    old = stage.live()
    number = stage.deploy(stage.release())
    stage.driver(number, lambda: bool(stage.books.deployments.deployment(number).record("web-2").touched))

    stage.world.up["web-2"] = False
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    assert "web-2, gate: it was touched and then did not answer" in deployment.error
    assert "Not restored, they do not answer: web-2" in deployment.error
    assert stage.kinds(number).count("lost") == 1
    assert "found" not in stage.kinds(number)
    stage.check(number, old)


def test_reboot_during_the_bake_blames_nobody():
    stage = Stage(hosts=2)
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)
    stage.driver(
        number, lambda: stage.books.deployments.deployment(number).record("web-1").bake_until is not None
    )

    stage.world.reboot("web-1")
    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)
