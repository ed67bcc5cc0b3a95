"""A tree that was built and tested before is not built again."""

import pytest

from pipeline.delivery.orders import ImageFacts
from pipeline.delivery.report import CommandResult
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.errors import Unreachable
from pipeline.spec import BuildSpec, Spec
from pipeline.spec import TestSpec as SpecOfTests
from tests.delivery.conftest import COMMIT, DOCKERFILE

OTHER = "b" * 40


@pytest.fixture
def again(world):
    """The first run is over; the next one brings another commit with the same files."""
    world.source.commits[OTHER] = {"Dockerfile": DOCKERFILE}
    for commit in (COMMIT, OTHER):
        world.source.specs[commit] = Spec(test=SpecOfTests(command="pytest"))

    def follow(**queued):
        world.first = world.go()
        world.store.runs.finish(world.first.id, "succeeded", "", None)
        world.builder.deeds.clear()
        return world.queued(OTHER, **queued)

    return follow


def deeds(world):
    return [deed.partition(" ")[0] for deed in world.builder.deeds if not deed.startswith("clean")]


def test_same_tree_gets_the_same_image_without_build_test_or_push(world, again):
    world.builder.image_facts = ImageFacts(ports=(9000,))
    run = again().go()

    first, second = (world.store.releases.release("shop", number) for number in (1, 2))
    assert second.image == first.image
    assert (second.spec.port, second.commit) == (9000, OTHER)
    assert world.statuses == ["succeeded", "skipped", "skipped", "skipped", "running"]
    why = f"Same tree as run {world.first.id}: its image is used. `shipway run start` builds anew."
    assert {stage.detail.get("skipped") for stage in run.stages[1:4]} == {why}
    assert why in world.log
    assert deeds(world) == []


@pytest.mark.parametrize("who", ["api:ada", "user:ada"])
def test_what_a_person_asks_for_is_built_anew(world, again, who):
    again(requested_by=who).go()

    assert deeds(world) == ["build", "test", "publish"]


def test_other_files_are_built(world, again):
    world.source.commits[OTHER] = {"Dockerfile": DOCKERFILE, "app.py": "new"}

    again().go()

    assert deeds(world) == ["build", "test", "publish"]


@pytest.mark.parametrize(
    "spec", [Spec(build=BuildSpec(args={"A": "1"})), Spec(test=SpecOfTests(command="pytest -x"))]
)
def test_other_ways_to_build_or_test_are_taken(world, again, spec):
    world.source.specs[OTHER] = spec

    again().go()

    assert "build" in deeds(world)


def test_image_that_left_the_registry_is_built(world, again):
    again()
    world.builder.registry.clear()

    world.go()

    assert deeds(world) == ["build", "test", "publish"]


def test_registry_that_cannot_be_asked_means_building(world, again):
    again()
    world.builder.failing["published"] = Unreachable("The registry does not answer.")

    world.go()

    assert deeds(world) == ["build", "test", "publish"]
    assert "Nobody can say whether the image of run" in world.log


def test_tree_whose_tests_were_red_is_tested_again(world, again):
    world.builder.outcomes = [Outcome((CommandResult("", 1),))]
    world.go()
    world.builder.deeds.clear()

    world.queued(OTHER).go()

    assert deeds(world) == ["build", "test", "publish"]


def test_worker_that_dies_in_between_is_followed_by_one_that_reuses_too(world, again, monkeypatch):
    again()
    real = world.store.runs.hand_over

    def dies(*_):
        monkeypatch.setattr(world.store.runs, "hand_over", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(world.store.runs, "hand_over", dies)  # a death between two lines has no other handle
    with pytest.raises(KeyboardInterrupt):
        world.go()

    assert world.go().release == 2
    assert deeds(world) == []


def test_moved_base_is_built_on_anew(world, again):
    world.builder.bases_there["busybox"] = "sha256:old"
    again()
    world.builder.bases_there["busybox"] = "sha256:new"

    run = world.go()

    assert deeds(world) == ["build", "test", "publish"]
    assert world.builder.orders[-2].refresh is True
    assert run.stages[1].detail["bases"] == "busybox=sha256:new"
    said = (
        f"Run {world.first.id} built the same tree, but its base busybox has moved since: it is built anew."
    )
    assert said in world.log


def test_base_that_nobody_can_ask_for_is_the_one_on_the_builder(world, again):
    again()
    world.builder.failing["base_there"] = Unreachable("Nobody can say what busybox is now: no answer.")

    world.go()

    assert deeds(world) == []
    assert "Nobody can say what busybox is now: no answer. The one on the builder counts." in world.log


def test_base_on_the_builder_that_changed_meanwhile_is_another(world, again):
    again()
    world.builder.failing["base_there"] = Unreachable("no answer.")
    world.builder.bases_here["busybox"] = "sha256:other"

    world.go()

    assert deeds(world) == ["build", "test", "publish"]


def test_base_that_was_made_on_the_builder_is_never_asked_for(world, again):
    world.builder.bases_here["busybox"] = "id:sha256:1"
    again()
    world.builder.failing["base_there"] = Unreachable("must not be asked")

    world.go()

    assert deeds(world) == []
    assert "must not be asked" not in world.log


def test_reused_image_passes_on_what_it_was_built_on(world, again):
    again().go()
    world.store.runs.finish(world.run_id, "succeeded", "", None)
    third = "c" * 40
    world.source.commits[third] = world.source.commits[OTHER]
    world.source.specs[third] = world.source.specs[OTHER]

    run = world.queued(third).go()

    assert run.stages[1].detail["bases"] == "busybox=sha256:busybox"
    assert deeds(world) == []


def test_pinned_base_does_not_move(world, again):
    pinned = {"Dockerfile": f"FROM busybox@sha256:{'1' * 64}\n"}
    world.source.commits[COMMIT] = pinned
    again()
    world.source.commits[OTHER] = pinned
    world.builder.failing["base_there"] = Unreachable("must not be asked")

    world.go()

    assert deeds(world) == []


def test_what_people_ask_for_looks_for_newer_bases(world, again):
    again(requested_by="api:ada").go()

    assert world.builder.orders[-2].refresh is True
