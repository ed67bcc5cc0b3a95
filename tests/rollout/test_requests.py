"""What people may ask of a rollout under way, and what becomes of it."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict
from pipeline.rollout.deployment import Request, Status
from pipeline.rollout.policy import Approve, OnFailure
from pipeline.rollout.rollback import retry
from runners.stand_ins.things import Quality
from tests.rollout.stage import POLICY, Stage


def driven_for(stage: Stage, deployment_id: int, seconds: float) -> Status:
    """Driven for some virtual seconds, then handed back."""
    end = stage.clock.now().timestamp() + seconds
    return stage.driver(deployment_id, lambda: stage.clock.now().timestamp() >= end).status


def test_pause_stops_time_and_resume_goes_on():
    stage = Stage(hosts=2)
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)
    driven_for(stage, number, 1.5)

    stage.books.deployments.ask(number, Request.PAUSE)
    paused = driven_for(stage, number, 300.0)
    touched_while_paused = [deed for deed in stage.world.deeds if "start 2" in deed]
    stage.books.deployments.ask(number, Request.RESUME)
    deployment = stage.run(number)

    assert paused is Status.PAUSED
    assert touched_while_paused == ["start 2.0 on web-1"]
    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)


def test_release_that_breaks_while_paused_goes_back():
    stage = Stage(hosts=2)
    old = stage.live()
    number = stage.deploy(stage.release(Quality.BAD_LATE))
    driven_for(stage, number, 3.5)

    stage.books.deployments.ask(number, Request.PAUSE)
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    stage.check(number, old)


@pytest.mark.parametrize("seconds", [1.5, 4.0, 9.0, 11.5])
def test_abort_goes_back_from_anywhere(seconds):
    stage = Stage(hosts=2)
    old = stage.live()
    number = stage.deploy(stage.release())
    driven_for(stage, number, seconds)

    stage.books.deployments.ask(number, Request.ABORT)
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    assert "aborted by request" in deployment.error
    stage.check(number, old)


def test_abort_before_anything_was_touched_cancels():
    stage = Stage(hosts=2)
    old = stage.live()
    number = stage.deploy(stage.release())
    driven_for(stage, number, 0.1)

    stage.books.deployments.ask(number, Request.ABORT)
    deployment = stage.run(number)

    assert deployment.status is Status.CANCELLED
    stage.check(number, old)


def test_abort_after_the_verdict_comes_too_late():
    stage = Stage(hosts=1)
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)
    stage.driver(number, lambda: stage.books.deployments.deployment(number).settled)

    stage.books.deployments.ask(number, Request.ABORT)
    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)


def test_canary_waits_for_a_person_and_then_goes_on():
    stage = Stage(hosts=3, policy=replace(POLICY, canary=1))
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)

    held = driven_for(stage, number, 600.0)
    reached = [stage.serves(site) for site in stage.sites]
    stage.books.deployments.ask(number, Request.PROMOTE)
    deployment = stage.run(number)

    assert held is Status.AWAITING_PROMOTION
    assert reached == [{2}, {1}, {1}]
    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)


def test_canary_may_go_on_by_itself_after_a_bake_of_its_own():
    policy = replace(POLICY, canary=1, canary_bake=120.0, canary_promote=True)
    stage = Stage(hosts=3, policy=policy)
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)

    driven_for(stage, number, 100.0)
    alone = [stage.serves(site) for site in stage.sites]
    deployment = stage.run(number)

    assert alone == [{2}, {1}, {1}]
    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)


@pytest.mark.parametrize(("approve", "reached"), [(Approve.FIRST_HOST, [1, 5]), (Approve.BATCH, [2, 4, 5])])
def test_nobody_follows_before_a_person_has_said_so(approve, reached):
    stage = Stage(hosts=5, policy=replace(POLICY, batch=2, approve=approve))
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)

    seen = []
    for _ in reached:
        driven_for(stage, number, 300.0)
        seen.append(sum(stage.serves(site) == {2} for site in stage.sites))
        if stage.books.deployments.deployment(number).status is Status.AWAITING_PROMOTION:
            stage.books.deployments.ask(number, Request.APPROVE)

    assert seen == reached
    assert stage.run(number).status is Status.SUCCEEDED
    stage.check(number, fresh)


def test_promotion_takes_it_to_all_hosts_without_asking_again():
    stage = Stage(hosts=4, policy=replace(POLICY, approve=Approve.BATCH))
    stage.live()
    number = stage.deploy(stage.release())
    driven_for(stage, number, 60.0)

    stage.books.deployments.ask(number, Request.PROMOTE)

    assert stage.run(number).status is Status.SUCCEEDED


@pytest.mark.parametrize("on_failure", OnFailure)
def test_it_goes_back_when_nobody_approves_in_time(on_failure):
    policy = replace(POLICY, approve=Approve.FIRST_HOST, approve_within=3600.0, on_failure=on_failure)
    stage = Stage(hosts=2, policy=policy)
    old = stage.live()
    number = stage.deploy(stage.release())

    waiting = driven_for(stage, number, 3500.0)
    deployment = stage.run(number)

    assert waiting is Status.AWAITING_PROMOTION
    assert deployment.status is Status.ROLLED_BACK
    assert deployment.error.startswith("nobody approved it within 3600 s")
    stage.check(number, old)


def test_canary_that_breaks_while_it_waits_goes_back():
    stage = Stage(hosts=3, policy=replace(POLICY, canary=1))
    old = stage.live()
    number = stage.deploy(stage.release())
    driven_for(stage, number, 30.0)

    fresh = next(c for c in stage.world.at("web-1") if c.plan.release == 2)
    fresh.restart_always = False
    stage.world.end(fresh, exit_code=139)
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    assert "web-1, after its bake: replica 0 of release 2 exited with code 139" in deployment.error
    stage.check(number, old)


def test_failure_may_hold_the_scene_for_a_person():
    stage = Stage(hosts=2, policy=replace(POLICY, on_failure=OnFailure.PAUSE))
    old = stage.live()
    number = stage.deploy(stage.release(Quality.BAD_HEALTH))

    held = driven_for(stage, number, 120.0)
    scene = stage.running("web-1")
    stage.books.deployments.ask(number, Request.ABORT)
    deployment = stage.run(number)

    assert held is Status.PAUSED
    assert scene == [(1, 0), (2, 0)]
    assert deployment.status is Status.ROLLED_BACK
    assert "was not healthy" in deployment.error
    stage.check(number, old)


def test_held_failure_may_be_tried_once_more():
    stage = Stage(hosts=2, policy=replace(POLICY, on_failure=OnFailure.PAUSE))
    stage.live()
    fresh = stage.release(Quality.BAD_START)
    number = stage.deploy(fresh)
    driven_for(stage, number, 60.0)

    stage.world.qualities[fresh.number] = Quality.GOOD
    stage.books.deployments.ask(number, Request.RESUME)
    deployment = stage.run(number)

    assert deployment.status is Status.SUCCEEDED
    stage.check(number, fresh)


def test_failure_may_leave_everything_as_it_is():
    stage = Stage(hosts=2, policy=replace(POLICY, on_failure=OnFailure.STOP))
    stage.live()
    number = stage.deploy(stage.release(Quality.BAD_HEALTH))

    deployment = stage.run(number)

    assert deployment.status is Status.FAILED
    assert stage.running("web-1") == [(1, 0), (2, 0)]
    assert stage.serves(stage.sites[0]) == {1}


def test_retry_touches_only_the_hosts_that_failed():
    stage = Stage(hosts=3, policy=replace(POLICY, on_failure=OnFailure.STOP))
    stage.live()
    fresh = stage.release()
    number = stage.deploy(fresh)
    stage.driver(number, lambda: stage.books.deployments.deployment(number).record("web-1").done)
    stage.world.front(stage.sites[1]).refuses = True
    halted = stage.run(number)
    stage.world.front(stage.sites[1]).refuses = False
    stage.world.deeds.clear()

    deployment = stage.run(retry(number, "test", stage.ports))

    assert halted.status is Status.FAILED
    assert deployment.status is Status.SUCCEEDED
    assert [deed for deed in stage.world.deeds if deed.startswith("start")] == ["start 2.0 on web-3"]
    stage.check(deployment.id, fresh)


def test_retry_of_a_held_one_resumes_it():
    stage = Stage(hosts=2, policy=replace(POLICY, on_failure=OnFailure.PAUSE))
    stage.live()
    fresh = stage.release(Quality.BAD_START)
    number = stage.deploy(fresh)
    driven_for(stage, number, 60.0)
    stage.world.qualities[fresh.number] = Quality.GOOD

    assert retry(number, "test", stage.ports) == number
    assert stage.run(number).status is Status.SUCCEEDED


def test_retry_never_undoes_what_came_after():
    stage = Stage(hosts=1)
    stage.live()
    failed = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH)))
    stage.run(stage.deploy(stage.release()))

    with pytest.raises(Conflict, match="came after"):
        retry(failed.id, "test", stage.ports)


def test_blocked_way_back_says_why_and_may_be_given_up():
    stage = Stage(hosts=1)
    stage.live()
    number = stage.deploy(stage.release(Quality.BAD_BAKE))
    stage.driver(number, lambda: stage.books.deployments.deployment(number).status is Status.ROLLING_BACK)
    stage.world.front(stage.sites[0]).stuck = True

    waiting = driven_for(stage, number, 300.0)
    blocked = stage.books.deployments.deployment(number).blocked
    stage.books.deployments.ask(number, Request.ABORT)
    deployment = stage.run(number)

    assert waiting is Status.ROLLING_BACK
    assert "web-1: its proxy does not serve release 1 yet" in blocked
    assert deployment.status is Status.FAILED
    assert "given up by request" in deployment.error
