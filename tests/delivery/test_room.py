"""Room on the builder: what is removed before a build, and when there is too little."""

from dataclasses import replace

import pytest

from pipeline.errors import Unreachable
from pipeline.ports import BUILDER
from pipeline.retention.thing import Kind, Thing
from pipeline.spec import Spec
from pipeline.spec import TestSpec as SpecOfTests
from runners.stand_ins.shelf import MemoryShelf
from runners.stand_ins.time import InlineHands

SHOP = "registry:5000/acme/shop"
TESTED = Spec(test=SpecOfTests(command="pytest -q"))
GONE = Unreachable("The registry does not answer.")

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
