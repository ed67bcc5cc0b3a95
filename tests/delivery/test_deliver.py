"""The flow from a commit to a pending deployment, with everything outside in memory."""

import pytest

from pipeline.delivery.orders import ImageFacts
from pipeline.delivery.report import Case, CommandResult, Totals
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import StageName
from pipeline.errors import StageFailed, Unreachable
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.release import HealthKind
from pipeline.spec import Spec
from pipeline.spec import TestSpec as SpecOfTests
from tests.delivery.conftest import COMMIT

SHOP = "registry:5000/acme/shop"
TESTED = Spec(test=SpecOfTests(command="pytest -q"))
GONE = Unreachable("The registry does not answer.")


def test_commit_becomes_a_release_and_a_pending_deployment(world):
    run = world.go()

    deployment = world.store.deployments.deployment(run.deployment)
    assert world.statuses == ["succeeded", "succeeded", "skipped", "succeeded", "running"]
    assert deployment.status is Status.PENDING
    assert deployment.reason is Reason.PUSH
    assert deployment.release.image == f"registry:5000/acme/shop@sha256:{run.id:064x}"
    assert deployment.release.commit == COMMIT
    assert world.queue.woken == [deployment.id]


def test_release_carries_what_the_image_and_both_files_say(world):
    world.builder.image_facts = ImageFacts(healthcheck=True, ports=(9000,))

    run = world.go()

    spec = world.store.releases.release("shop", run.release).spec
    assert (spec.port, spec.health.kind, spec.env) == (9000, HealthKind.IMAGE, {"LOG": "info"})
    assert spec.secrets["DB"].reveal() == "s3cr3t!"


def test_first_deployment_has_nothing_to_go_back_to(world):
    run = world.go()

    assert world.store.deployments.deployment(run.deployment).previous is None


@pytest.mark.parametrize("who", ["api:ada", "user:ada"])
def test_run_asked_for_by_a_person_is_deployed_as_manual(world, who):
    world.store.runs.cancel(world.run_id)
    run = world.queued(requested_by=who).go()

    assert world.store.deployments.deployment(run.deployment).reason is Reason.MANUAL


def test_tests_run_in_the_built_image_with_bounds(world):
    world.source.specs[COMMIT] = TESTED

    world.go()

    order = world.builder.orders[-1]
    assert order.image == f"registry:5000/acme/shop:run-{world.run_id}"
    assert order.commands == {"": ("pytest", "-q")}
    assert (order.memory, order.cpus, order.pids) == (1 << 30, 2.0, 512)
    assert world.run.stage(StageName.TEST).detail == {"summary": "1 passed"}


def test_stage_named_test_is_built_and_run_when_it_has_a_command(world):
    text = "FROM busybox AS app\nFROM app AS test\nRUN lint\nCMD pytest\nFROM app\n"
    world.source.commits[COMMIT]["Dockerfile"] = text

    world.go()

    tag = f"registry:5000/acme/shop:run-{world.run_id}"
    assert world.builder.deeds[:3] == [f"build {tag}", f"build {tag}-test", f"test {tag}-test"]


def test_stage_named_test_without_a_command_is_only_built(world):
    world.source.commits[COMMIT]["Dockerfile"] = "FROM busybox AS test\nRUN lint\nFROM busybox\n"

    world.go()

    assert not [deed for deed in world.builder.deeds if deed.startswith("test")]
    assert "its steps are the tests" in world.run.stage(StageName.TEST).detail["summary"]


def test_nothing_to_test_is_said(world):
    world.go()

    assert "no stage named test" in world.run.stage(StageName.TEST).detail["skipped"]
    assert "no stage named test" in world.log


def test_red_tests_fail_the_run_before_anything_is_pushed(world):
    world.source.specs[COMMIT] = TESTED
    world.builder.outcomes = [Outcome((CommandResult("", 1, totals=Totals(11, 1)),))]

    run = world.go()

    sentence = "The tests failed: `pytest -q` ended with exit code 1 (11 passed, 1 failed). The log has their output."
    assert (run.status, run.error) == ("failed", sentence)
    assert world.statuses == ["succeeded", "succeeded", "failed", "cancelled", "cancelled"]
    assert sentence in world.log
    assert world.queue.woken == []
    assert world.told == [f"shop production: run {run.id} failed: {sentence}"]


def red(*names, **more):
    return Outcome(tuple(CommandResult(name, 1, **more) for name in names))


def test_what_tests_said_is_in_the_books_when_they_are_red_too(world):
    world.source.specs[COMMIT] = TESTED
    world.builder.outcomes = [red("", totals=Totals(11, 1), cases=(Case("a::b", "1 != 2"),))]

    run = world.go()

    assert "First failing: a::b (1 != 2)." in run.error
    assert run.stage(StageName.TEST).tests.cases == (Case("a::b", "1 != 2"),)
    assert run.stage(StageName.TEST).tests.totals == Totals(11, 1)


def test_red_commands_are_tried_again_and_the_attempts_are_counted(world):
    world.source.specs[COMMIT] = Spec(test=SpecOfTests(commands={"lint": "a", "unit": "b"}, retry=2))
    world.builder.outcomes = [Outcome((CommandResult("lint", 0), CommandResult("unit", 1))), red("unit")]

    run = world.go()

    stage = run.stage(StageName.TEST)
    assert (stage.status, stage.attempts) == ("succeeded", 3)
    assert [command.attempts for command in stage.tests.commands] == [1, 3]
    assert [list(order.commands) for order in world.builder.orders[1:]] == [
        ["lint", "unit"],
        ["unit"],
        ["unit"],
    ]
    assert "Red; attempt 3 of 3." in world.log


def test_what_stays_red_fails_after_the_last_attempt(world):
    world.source.specs[COMMIT] = Spec(test=SpecOfTests(command="pytest", retry=1))
    world.builder.outcomes = [red(""), red("")]

    run = world.go()

    assert run.error.startswith("The tests failed: `pytest` ended with exit code 1, at attempt 2 too.")


def test_trouble_around_the_tests_is_not_an_attempt(world):
    world.source.specs[COMMIT] = Spec(test=SpecOfTests(command="pytest", retry=1))
    world.builder.failing["test"] = [StageFailed("The container redis is not healthy.")]

    run = world.go()

    assert run.error == "The container redis is not healthy."
