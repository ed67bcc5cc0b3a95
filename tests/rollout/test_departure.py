"""Stop-first: what ran leaves before the next one comes, behind a load balancer and without one."""

from dataclasses import replace

import pytest

from pipeline.rollout.deployment import Status
from pipeline.rollout.policy import OnFailure, Order
from runners.stand_ins.things import Quality
from tests.rollout.stage import POLICY, Stage

STOP = replace(POLICY, order=Order.STOP_FIRST)


def deeds(stage: Stage, host: str) -> list[str]:
    """What was done on it, each thing once."""
    done = [deed.partition(" on ")[0] for deed in stage.world.deeds if deed.endswith(f" on {host}")]
    return list(dict.fromkeys(name.partition(" c")[0] for name in done))


def test_a_host_leaves_its_load_balancer_before_it_is_changed_and_comes_back_after():
    stage = Stage(hosts=3, policy=STOP, entrance=True)
    stage.live()
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert deeds(stage, "web-2") == [
        "check", "pull", "park", "switch", "retire 1.0", "start 2.0", "keep", "admit", "prune",
    ]  # fmt: skip
    stage.check(deployment.id, fresh)


def test_a_host_that_somebody_lets_in_while_it_leaves_is_parked_again_before_its_proxy_is_empty():
    stage = Stage(hosts=2, policy=STOP, entrance=True)
    stage.live()
    fresh = stage.release()
    front = stage.world.front(stage.sites[0])
    front.stuck = True
    tries = []

    def somebody_lets_it_in(where: str) -> None:
        if where == "before switch on web-1":
            tries.append(where)
            front.stuck = len(tries) < 4
            if len(tries) == 2:
                stage.world.entrance.turn("web-1", True)

    stage.hook = somebody_lets_it_in

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert [deed for deed in stage.world.deeds if "web-1" in deed and "park" in deed] == ["park on web-1"] * 2
    stage.check(deployment.id, fresh)


def test_start_first_never_calls_the_load_balancer():
    stage = Stage(hosts=2, entrance=True)
    stage.live()
    stage.world.entrance.down = True

    assert stage.run(stage.deploy(stage.release())).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    "quality", [Quality.BAD_START, Quality.BAD_HEALTH, Quality.BAD_BAKE, Quality.BAD_LATE]
)
@pytest.mark.parametrize("entrance", [True, False])
def test_a_bad_release_goes_and_the_old_one_is_back_in_the_load_balancer(quality, entrance):
    stage = Stage(hosts=3, policy=STOP, entrance=entrance)
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(quality)))

    assert deployment.status is Status.ROLLED_BACK
    stage.check(deployment.id, old)


def test_a_singleton_never_runs_twice():
    stage = Stage(hosts=1, policy=replace(POLICY, singleton=True))
    stage.live()
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert deeds(stage, "web-1")[:6] == ["check", "pull", "switch", "retire 1.0", "start 2.0", "keep"]
    stage.check(deployment.id, fresh)


@pytest.mark.parametrize("quality", [Quality.BAD_START, Quality.BAD_HEALTH, Quality.BAD_LATE])
def test_a_bad_singleton_is_gone_before_the_old_one_starts(quality):
    stage = Stage(hosts=1, proxy=None, policy=replace(POLICY, singleton=True))
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(quality)))

    assert deployment.status is Status.ROLLED_BACK
    stage.check(deployment.id, old)


def test_a_load_balancer_that_does_not_answer_fails_it_before_anything_is_touched():
    stage = Stage(hosts=2, policy=STOP, entrance=True)
    old = stage.live()
    stage.world.entrance.down = True

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.FAILED
    assert "load balancer entry: load balancer: no answer within 10 s" in deployment.error
    stage.check(deployment.id, old)


def test_a_host_left_parked_is_named_and_the_next_deployment_puts_it_back():
    stage = Stage(hosts=2, policy=replace(STOP, on_failure=OnFailure.STOP), entrance=True)
    old = stage.live()

    halted = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH)))
    deployment = stage.run(stage.deploy(old))

    assert halted.status is Status.FAILED
    assert "Still parked in load balancer entry: web-1; deploying again puts them back." in halted.error
    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, old)


def test_what_somebody_else_parked_stays_parked():
    stage = Stage(hosts=3, policy=replace(STOP, max_unavailable=2), entrance=True)
    stage.live()
    stage.world.entrance.turn("web-2", False)

    deployment = stage.run(stage.deploy(stage.release()))

    assert deployment.status is Status.SUCCEEDED
    assert not stage.world.entrance.places["web-2"].let_in
    assert "park" not in deeds(stage, "web-2")
