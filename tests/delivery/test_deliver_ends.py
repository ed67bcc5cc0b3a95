"""Trouble, cancels and dying workers: every end has its sentence, and the next worker goes on."""

from dataclasses import replace

import pytest

from pipeline.delivery.orders import ImageFacts
from pipeline.delivery.run import NewRun, StageName
from pipeline.errors import DiskFull, Rejected, RunnerError, StageFailed, Stopped, Unreachable
from pipeline.lease import run_key
from pipeline.spec import Spec
from pipeline.spec import TestSpec as SpecOfTests
from tests.delivery.conftest import COMMIT

SHOP = "registry:5000/acme/shop"
TESTED = Spec(test=SpecOfTests(command="pytest -q"))
GONE = Unreachable("The registry does not answer.")


def dying_at(method):
    """What a worker that is killed inside this method leaves: an error that no flow catches."""
    return {method: [KeyboardInterrupt()]}


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


def test_a_run_that_ends_takes_no_image_from_one_beside_it_however_high_the_numbers_on_the_builder(world):
    world.builder.images |= {
        f"registry:5000/acme/shop:run-{n}": n for n in range(101, 106)
    }  # of a lost database
    beside = world.store.runs.add(NewRun("shop", "test", "branch", "main", COMMIT, "push:ada")).id
    lease = world.store.leases.take(run_key(beside), "neighbour", 60.0)
    world.store.runs.begin(beside, lease)
    world.builder.images[f"registry:5000/acme/shop:run-{beside}"] = beside  # built, and not published yet

    world.go()

    assert sorted(world.builder.images.values()) == [world.run_id, beside]
