"""The flow from a commit to a pending deployment, with everything outside in memory."""

from dataclasses import replace

import pytest

from pipeline.delivery.orders import ImageFacts
from pipeline.delivery.report import Case, CommandResult, Totals
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import StageName
from pipeline.errors import DiskFull, Rejected, RunnerError, StageFailed, Stopped, Unreachable
from pipeline.ports import BUILDER
from pipeline.retention.thing import Kind, Thing
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.release import HealthKind
from pipeline.spec import Spec
from pipeline.spec import TestSpec as SpecOfTests
from runners.stand_ins.shelf import MemoryShelf
from runners.stand_ins.time import InlineHands
from tests.delivery.conftest import COMMIT

SHOP = "registry:5000/acme/shop"
TESTED = Spec(test=SpecOfTests(command="pytest -q"))
GONE = Unreachable("The registry does not answer.")


def dying_at(method):
    """What a worker that is killed inside this method leaves: an error that no flow catches."""
    return {method: [KeyboardInterrupt()]}


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


@pytest.mark.parametrize(
    ("part", "method", "stage"),
    [
        ("source", "checkout", StageName.CHECKOUT),
        ("source", "spec", StageName.CHECKOUT),
        ("builder", "build", StageName.BUILD),
        ("builder", "test", StageName.TEST),
        ("builder", "publish", StageName.PUBLISH),
    ],
)
@pytest.mark.parametrize("kind", [StageFailed, Rejected, DiskFull, RunnerError, Unreachable])
def test_any_failure_ends_in_its_sentence_and_leaves_nothing(world, part, method, stage, kind):
    world.source.specs[COMMIT] = TESTED
    getattr(world, part).failing[method] = kind("What, where, why.")

    run = world.go()

    assert run.status == "failed"
    assert run.error.startswith("What, where, why.")
    assert run.stage(stage).status == "failed"
    assert run.stage(stage).error == run.error
    assert "What, where, why." in world.log
    assert (world.source.trees, world.builder.left_over) == ({}, set())
    assert world.queue.woken == []


def test_missing_dockerfile_says_what_to_do(world):
    world.source.commits[COMMIT] = {}

    run = world.go()

    assert run.error.startswith("There is no Dockerfile in this commit.")


def test_short_trouble_outside_is_waited_out(world):
    world.builder.failing["publish"] = [GONE] * 4

    run = world.go()

    assert run.deployment
    assert world.log.count("Trying again in") == 4


def test_long_trouble_outside_fails_the_run_and_says_what_was_tried(world):
    world.builder.failing["publish"] = GONE

    run = world.go()

    assert run.status == "failed"
    assert run.error.startswith("The registry does not answer. Tried ")
    assert 60 <= world.ports.clock.now().minute * 60 + world.ports.clock.now().second <= 120


def test_a_no_is_not_asked_again(world):
    world.builder.failing["publish"] = [Rejected("The registry refused the push.")]

    assert world.go().status == "failed"


@pytest.mark.parametrize(
    ("part", "hanging"),
    [("source", "checkout"), ("builder", "build"), ("builder", "test"), ("builder", "publish")],
)
def test_cancel_ends_work_that_hangs(world, part, hanging):
    world.source.specs[COMMIT] = TESTED
    getattr(world, part).hanging.add(hanging)
    asked = iter(range(100))

    def stop():
        if next(asked) == 50:
            world.store.runs.cancel(world.run_id)
        return world.run.cancel_requested

    run = world.go(stop)

    assert (run.status, run.error) == ("cancelled", "Cancelled on request.")
    assert run.stage(StageName(hanging)).status == "cancelled"
    assert (world.source.trees, world.builder.left_over) == ({}, set())


def test_stop_without_a_cancel_leaves_the_run_to_the_next_owner(world):
    with pytest.raises(Stopped):
        world.go(lambda: True)

    assert world.run.status == "running"
    assert world.go().deployment


def test_worker_without_its_lease_touches_nothing(world):
    lost = world.store.leases.take(f"run:{world.run_id}", "old", 60.0)
    world.store.runs.begin(world.run_id, lost)
    world.store.leases.give_back(lost)
    world.store.leases.take(f"run:{world.run_id}", "new", 60.0)
    from pipeline.delivery.deliver import deliver

    with pytest.raises(Stopped):
        deliver(world.run_id, lost, lambda: False, world.ports)

    assert (world.run.status, world.builder.deeds, world.source.deeds) == ("running", [], [])


@pytest.mark.parametrize(
    ("method", "again"),
    [
        ("checkout", ["build", "test", "publish"]),
        ("build", ["build", "test", "publish"]),
        ("test", ["test", "publish"]),
        ("publish", ["publish"]),
    ],
)
def test_next_worker_goes_on_with_the_first_stage_not_done(world, method, again):
    world.source.specs[COMMIT] = TESTED
    part = world.source if method == "checkout" else world.builder
    part.failing.update(dying_at(method))
    with pytest.raises(KeyboardInterrupt):
        world.go()
    world.builder.deeds.clear()

    run = world.go()

    assert run.deployment
    assert [d.partition(" ")[0] for d in world.builder.deeds if not d.startswith("clean")] == again
    assert world.builder.deeds[0] == f"clean {run.id}"


def test_lost_image_is_built_and_tested_again(world):
    world.source.specs[COMMIT] = TESTED
    world.builder.failing.update(dying_at("publish"))
    with pytest.raises(KeyboardInterrupt):
        world.go()
    world.builder.images.clear()
    world.builder.deeds.clear()

    world.go()

    deeds = [d.partition(" ")[0] for d in world.builder.deeds if not d.startswith("clean")]
    assert deeds == ["build", "test", "publish"]


def test_published_image_is_never_built_again(world, monkeypatch):
    real = world.store.runs.hand_over

    def dies(*_):
        monkeypatch.setattr(world.store.runs, "hand_over", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(world.store.runs, "hand_over", dies)  # a death between two lines has no other handle
    world.builder.image_facts = ImageFacts(ports=(9000,))
    with pytest.raises(KeyboardInterrupt):
        world.go()
    world.builder.images.clear()
    world.builder.deeds.clear()

    run = world.go()

    assert [d for d in world.builder.deeds if not d.startswith("clean")] == []
    assert world.store.releases.release("shop", run.release).spec.port == 9000


def test_a_run_that_waits_for_its_deployment_is_left_alone(world):
    run = world.go()
    from pipeline.delivery.deliver import deliver

    deliver(run.id, None, lambda: False, world.ports)

    assert len(world.queue.woken) == 1


def test_service_that_left_the_operators_file_fails_the_run(world):
    ports = replace(world.ports, settings=replace(world.ports.settings, services={}))
    world.ports = ports

    run = world.go()

    assert run.status == "failed"
    assert "There is no service 'shop'" in run.error


def test_failing_to_clean_is_said_and_does_not_decide(world):
    world.builder.failing["clean"] = RunnerError("The engine is gone.")

    run = world.go()

    assert run.deployment
    assert "Could not clean up: The engine is gone." in world.log


# ------------------------------------------------------------------------------------------------ room

GIB = 1 << 30


def test_a_builder_with_too_little_room_fails_the_build_with_the_figures(world):
    world.builder.free = 300 << 20

    run = world.go()

    assert run.error == (
        "The builder has 300 MiB of disk free, and a build needs 1024 (retention.build_floor). Nothing that Shipway made "
        f"there is left to remove. Make room on it, then run it again: `shipway run retry {run.id}`."
    )
    assert not any(deed.startswith("build") for deed in world.builder.deeds)


def test_the_build_cache_goes_when_the_builder_is_full(world):
    world.builder.free, world.builder.cache = 300 << 20, GIB

    assert world.go().release == 1
    assert world.builder.deeds[:2] == ["drop cache", f"build registry:5000/acme/shop:run-{world.run_id}"]


def test_the_cache_stays_when_removing_what_nobody_needs_is_enough(world):
    old = Thing(
        Kind.BUILD, "builder", "id", "run 1", references=(f"{SHOP}:run-1-test",), service="shop", run=99
    )
    shelf = MemoryShelf([old], BUILDER)
    shelf.before = lambda _: setattr(world.builder, "free", GIB)
    world.builder.free, world.builder.cache = 300 << 20, GIB
    world.ports = replace(world.ports, hands=InlineHands(), shelves=(shelf,))

    assert world.go().release == 1
    assert shelf.removed == ["id"]
    assert "drop cache" not in world.builder.deeds


@pytest.mark.parametrize("free", [None, GIB])
def test_a_builder_that_is_roomy_or_cannot_say_is_built_on(world, free):
    world.builder.free = free

    assert world.go().release == 1
