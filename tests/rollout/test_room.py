"""Room for the image is asked for before anything is touched: by its own weight, and after what nobody needs is gone."""

from dataclasses import replace

import pytest

from pipeline.errors import Unreachable
from pipeline.retention.thing import Kind, Thing
from pipeline.rollout.deployment import Status
from runners.stand_ins.shelf import MemoryShelf
from tests.retention.test_prune import Runs
from tests.rollout.stage import Stage

MIB = 1 << 20


@pytest.fixture
def stage() -> Stage:
    made = Stage(hosts=2)
    made.live()
    return made


def deployed(stage: Stage, weight: int | None, free: int) -> tuple[Status, str]:
    """A new release that weighs so much, with so much free on web-2."""
    release = stage.release()
    if weight is not None:
        stage.world.weights[release.image] = weight
    stage.world.free["web-2"] = free
    found = stage.run(stage.deploy(release))
    return found.status, found.error


@pytest.mark.parametrize(
    ("weight", "free", "status"),
    [
        (100 * MIB, 456 * MIB, Status.SUCCEEDED),
        (100 * MIB, 456 * MIB - 1, Status.FAILED),
        (0, 256 * MIB, Status.SUCCEEDED),
        (None, 256 * MIB, Status.SUCCEEDED),
        (None, 256 * MIB - 1, Status.FAILED),
    ],
)
def test_twice_what_is_pulled_and_the_floor_must_be_free(
    stage: Stage, weight: int | None, free: int, status: Status
) -> None:
    assert deployed(stage, weight, free)[0] is status


def test_the_sentence_has_the_figures(stage: Stage) -> None:
    _, error = deployed(stage, 100 * MIB, 300 * MIB)

    assert (
        "web-2, preflight: only 300 MiB of disk are free and 456 are needed: twice the 100.0 that are to be pulled, "
        "and 256 to go on with (retention.disk_floor); make room there (nothing that serves was changed)"
    ) in error
    assert not any(deed.startswith("pull") and deed.endswith("web-2") for deed in stage.world.deeds)


def test_a_full_disk_heals_before_the_pull_when_something_may_go(stage: Stage) -> None:
    stage.world.frees = 400 * MIB

    assert deployed(stage, 100 * MIB, 100 * MIB)[0] is Status.SUCCEEDED
    deeds = [deed for deed in stage.world.deeds if deed in ("prune on web-2", "pull on web-2")]
    assert deeds[:2] == ["prune on web-2", "pull on web-2"]


def test_what_other_services_left_goes_too_when_the_disk_is_full(stage: Stage) -> None:
    dead = Thing(Kind.CONTAINER, "web-2", "c1", "old", service="shop", environment="gone", release=9)
    full, other = MemoryShelf([dead], "web-2"), MemoryShelf([replace(dead, where="web-1")], "web-1")
    full.before = lambda _: stage.world.free.update({"web-2": 1 << 40})
    stage.ports = replace(stage.ports, runs=Runs(), shelves=(full, other))  # type: ignore[arg-type]

    assert deployed(stage, 100 * MIB, 100 * MIB)[0] is Status.SUCCEEDED
    assert (full.removed, other.removed) == (["c1"], [])


def test_a_shelf_that_cannot_be_looked_at_does_not_end_the_deployment(stage: Stage) -> None:
    away = MemoryShelf(disk="web-2", failing={"things": Unreachable("Host web-2: no answer.")})
    stage.ports = replace(stage.ports, runs=Runs(), shelves=(away,))  # type: ignore[arg-type]
    stage.world.frees = 1 << 40

    assert deployed(stage, 100 * MIB, 100 * MIB)[0] is Status.SUCCEEDED
