"""The repository's commands around a deployment: when they run, with which image, and what their failure means."""

import pytest

from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.release import Hook
from runners.stand_ins.things import Quality
from tests.rollout.faults import crash_at
from tests.rollout.shapes import Shape
from tests.rollout.stage import Stage
from tests.rollout.story import Story

HOOKS = {"before_deploy": ("./migrate",), "after_deploy": ("./warm",), "on_failure": ("./tell",)}


def run(stage: Stage) -> list[str]:
    """Hooks that were run, with the release of their image."""
    return [f"{plan.hook} {plan.release}" for plan in stage.world.hooks_run]


def test_each_hook_of_a_good_deployment_runs_once():
    stage = Stage(hosts=3)
    stage.live()

    deployment = stage.run(stage.deploy(stage.release(**HOOKS)))

    assert deployment.status is Status.SUCCEEDED
    assert run(stage) == ["before_deploy 2", "after_deploy 2"]


def test_after_a_failure_the_release_that_is_live_again_tells_of_it():
    stage = Stage(hosts=2)
    stage.live(**HOOKS)

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH, **HOOKS)))

    assert deployment.status is Status.ROLLED_BACK
    assert run(stage) == ["before_deploy 2", "on_failure 1"]
    told = stage.world.hooks_run[-1].spec.env
    assert (told["SHIPWAY_RELEASE"], told["SHIPWAY_PREVIOUS_RELEASE"]) == ("2", "1")
    assert "was not healthy within" in told["SHIPWAY_ERROR"]


def test_a_failed_preflight_tells_of_it_too():
    stage = Stage(hosts=2)
    old = stage.live(**HOOKS)
    stage.world.skew["web-2"] = 90.0

    deployment = stage.run(stage.deploy(stage.release(**HOOKS)))

    assert deployment.status is Status.FAILED
    assert run(stage) == ["on_failure 1"]
    stage.check(deployment.id, old)


@pytest.mark.parametrize(
    ("hook", "status"), [(Hook.AFTER_DEPLOY, Status.SUCCEEDED), (Hook.ON_FAILURE, Status.ROLLED_BACK)]
)
def test_a_hook_that_fails_at_the_end_is_noted_and_changes_nothing(hook, status):
    stage = Stage(hosts=2)
    commands = {hook.value: ("./x",)}
    stage.live(**commands)
    quality = Quality.GOOD if status is Status.SUCCEEDED else Quality.BAD_HEALTH
    stage.world.hook_ends = (3, "no such channel")

    deployment = stage.run(stage.deploy(stage.release(quality, **commands)))

    assert deployment.status is status
    assert f"{hook} (./x) ended with code 3: no such channel" in deployment.error


def test_scaling_runs_no_hook():
    stage = Stage(hosts=2)
    live = stage.live(**HOOKS)

    deployment = stage.run(stage.deploy(live, Reason.SCALE, replicas=2))

    assert deployment.status is Status.SUCCEEDED
    assert run(stage) == []


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_HEALTH])
def test_hooks_run_also_when_the_driver_is_killed_anywhere(quality):
    for point in range(1, 90):
        story = Story(quality, Shape(hosts=1), hooks=HOOKS)
        crash_at(story, point)
        story.tell()
        last = "after_deploy 2" if quality is Quality.GOOD else "on_failure 1"
        assert run(story.stage)[-1] == last, point
        assert len(run(story.stage)) <= 3, point
