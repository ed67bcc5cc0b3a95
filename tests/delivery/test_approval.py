"""An environment whose runs wait for a person before they deploy."""

from dataclasses import replace

import pytest

from pipeline.delivery.run import NewRun, StageName
from pipeline.fleet.service import Approval
from pipeline.retention.need import needed


@pytest.fixture
def guarded(world):
    settings = world.ports.settings
    shop = settings.service("shop")
    production = replace(shop.environments["production"], approve=Approval.MANUAL)
    shop = replace(shop, environments={"production": production})
    world.ports = replace(world.ports, settings=replace(settings, services={"shop": shop}))
    return world


def test_run_publishes_and_waits_and_leaves_nothing_behind(guarded):
    run = guarded.go()

    assert (run.status, run.waits, run.deployment) == ("queued", True, None)
    assert guarded.statuses == ["succeeded", "succeeded", "skipped", "succeeded", "pending"]
    assert (guarded.source.trees, guarded.builder.left_over, guarded.queue.woken) == ({}, set(), [])
    how = f"`shipway run approve {run.id}` deploys it, `shipway run cancel {run.id}` does not."
    assert guarded.told == [f"shop production: run {run.id} waits for an approval: {how}"]
    assert f"production waits for an approval: {how}" in guarded.log


def test_approved_run_deploys_what_it_published_without_building_again(guarded):
    published = guarded.go().stage(StageName.PUBLISH).detail["image"]
    guarded.builder.deeds.clear()
    guarded.builder.images.clear()
    guarded.store.runs.approve(guarded.run_id, "api:ada")

    run = guarded.go()

    assert guarded.store.releases.release("shop", run.release).image == published
    assert [deed for deed in guarded.builder.deeds if not deed.startswith("clean")] == []
    assert (run.approved_by, guarded.queue.woken) == ("api:ada", [run.deployment])


def test_image_of_a_run_that_waits_is_needed(guarded):
    run = guarded.go()

    assert needed(guarded.ports).images == {run.image: f"run {run.id} brings it"}


def test_newer_push_while_it_builds_goes_first(guarded):
    newer = []

    def stop():
        if not newer:
            new = NewRun("shop", "production", "branch", "main", "b" * 40, "push:ada")
            newer.append(guarded.store.runs.add(new).id)
        return False

    run = guarded.go(stop)

    assert (run.status, guarded.told) == ("superseded", [])
    assert guarded.store.runs.due() == newer
