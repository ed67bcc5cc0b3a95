"""A host that the environment leaves, and how many replicas each host should have."""

from dataclasses import replace

import pytest

from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, Reason, Status
from runners.stand_ins.world import Quality
from runners.store.codec import PLAIN
from tests.rollout.stage import POLICY, Stage


def moved(stage: Stage, quality: Quality = Quality.GOOD, reason: Reason = Reason.PUSH) -> Deployment:
    """From web-1 to web-3."""
    stage.live()
    release = stage.release(quality)
    plans = stage.plans({"web-1": 0, "web-2": 1, "web-3": 1})
    return stage.run(stage.deploy(release, reason, hosts=plans))


def order(stage: Stage, *deeds: str) -> list[str]:
    return [deed for deed in stage.world.deeds if deed in deeds]


@pytest.mark.parametrize("edge", [False, True])
def test_host_is_left_when_the_new_one_serves(edge):
    stage = Stage(edge=edge, spare=1)
    deployment = moved(stage)
    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, deployment.release)
    assert order(stage, "start 2.0 on web-3", "retire 1.0 on web-1") == [
        "start 2.0 on web-3",
        "retire 1.0 on web-1",
    ]
    kinds = [(h.host, h.kind) for _, h in stage.books.deployments.happenings(deployment.id)]
    assert kinds.index(("web-3", "done")) < kinds.index(("web-1", "draining"))


def test_host_that_is_left_needs_no_image_and_no_room():
    stage = Stage(spare=1)
    stage.world.free["web-1"] = 0
    assert moved(stage).status is Status.SUCCEEDED
    assert "pull on web-1" not in stage.world.deeds


@pytest.mark.parametrize("quality", [Quality.BAD_HEALTH, Quality.BAD_BAKE, Quality.BAD_LATE])
def test_failure_leaves_every_host_with_what_it_had(quality):
    stage = Stage(spare=1)
    deployment = moved(stage, quality)
    assert deployment.status is Status.ROLLED_BACK
    assert [stage.running(host) for host in stage.names] == [[(1, 0)], [(1, 0)], []]
    stage.check(deployment.id, deployment.previous)


def test_host_that_is_silent_when_it_is_left_holds_up_nothing():
    stage = Stage(edge=True, spare=1)
    stage.live()
    stage.world.up["web-1"] = False
    stage.world.min_healthy = 1
    plans = stage.plans({"web-1": 0, "web-2": 1, "web-3": 1})
    deployment = stage.run(stage.deploy(stage.release(), hosts=plans))
    assert deployment.status is Status.SUCCEEDED
    assert deployment.record("web-1").phase is HostPhase.SKIPPED
    assert stage.serves(stage.sites[0]) == {2}


def test_host_is_not_left_while_one_that_stays_is_silent():
    stage = Stage(edge=True, spare=1, policy=replace(POLICY, batch=2, unreachable_grace=600.0))
    stage.live()

    def hook(where: str) -> None:
        if where == "after keep c3 on web-2":
            stage.world.up["web-2"] = False

    stage.hook = hook
    plans = stage.plans({"web-1": 0, "web-2": 1, "web-3": 1})
    deployment = stage.deploy(stage.release(), hosts=plans)
    end = stage.clock.now().timestamp() + 120
    half = stage.driver(deployment, lambda: stage.clock.now().timestamp() >= end)
    assert half.record("web-3").done
    assert not half.record("web-1").touched
    stage.world.up["web-2"] = True
    stage.hook = lambda _: None
    assert stage.run(deployment).status is Status.SUCCEEDED


def test_release_that_is_live_already_is_not_prepared_again_for_a_move():
    stage = Stage(spare=1)
    stage.live()
    release = stage.release(before_deploy=("./migrate",))
    assert stage.run(stage.deploy(release)).status is Status.SUCCEEDED
    assert sum(deed.startswith("run") for deed in stage.world.deeds) == 1
    plans = stage.plans({"web-1": 0, "web-2": 1, "web-3": 1})
    assert stage.run(stage.deploy(release, Reason.MIGRATE, hosts=plans)).status is Status.SUCCEEDED
    assert sum(deed.startswith("run") for deed in stage.world.deeds) == 1
    assert not any("2.0 on web-2" in deed for deed in stage.world.deeds[-20:] if deed.startswith("start"))


def test_canary_is_no_matter_for_a_release_that_is_live():
    stage = Stage(spare=1, policy=replace(POLICY, canary=1))
    release = stage.live()
    plans = stage.plans({"web-1": 0, "web-2": 1, "web-3": 1})
    assert stage.run(stage.deploy(release, Reason.MIGRATE, hosts=plans)).status is Status.SUCCEEDED


def test_row_without_counts_means_as_many_as_the_deployment_says():
    stage = Stage()
    old = PLAIN.load(HostPlan, '{"host":"web-1","sites":["web-1"]}')
    stage.live()
    deployment = stage.books.deployments.deployment(1)
    deployment = replace(deployment, hosts=(old,), replicas=3, previous_replicas=2)
    assert (deployment.count(old), deployment.count_before(old)) == (3, 2)
    known = HostPlan("web-1", replicas=0, before=5)
    assert (deployment.count(known), deployment.count_before(known)) == (0, 5)
