"""The flow: a dry run changes nothing, the books are asked again before each removal, trouble is a sentence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import Conflict, Rejected, Unreachable
from pipeline.ports import Ports
from pipeline.retention.prune import KEY, TTL, make_room, prune, survey
from pipeline.retention.thing import Kind, Thing, Verdict
from pipeline.rollout.rollback import deploy_release
from runners.stand_ins.shelf import MemoryShelf
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage


class Runs:
    def runs(self, **_: Any) -> list[Any]:
        return []


def image(number: int) -> Thing:
    reference = f"r/shop@sha256:{number}"
    digests = frozenset({f"sha256:{number}"})
    return Thing(
        Kind.IMAGE, "web-1", f"id{number}", f"shop {number}", 100, references=(reference,), digests=digests
    )


@pytest.fixture
def stage() -> Stage:
    """Releases 1 to 6 were live; two are kept."""
    made = Stage(hosts=1, policy=replace(POLICY, keep=2))
    for _ in range(6):
        made.live()
    return made


def ports_of(stage: Stage, *shelves: MemoryShelf) -> Ports:
    runs: Any = Runs()
    return replace(stage.ports, runs=runs, shelves=shelves)


def full(host: str = "web-1") -> MemoryShelf:
    return MemoryShelf([image(number) for number in range(1, 7)], host)


def test_a_dry_run_says_the_same_as_the_real_one_and_changes_nothing(stage: Stage) -> None:
    shelf = full()
    ports = ports_of(stage, shelf)

    told = survey(ports)
    assert shelf.content == full().content
    done = prune("ann", ports)

    goers = [one.verdict for one in told.goers]
    assert [verdict.thing.name for verdict in goers] == ["id1", "id2", "id3", "id4"]
    assert [one.verdict for one in done.removed] == goers
    assert [thing.name for thing in shelf.content] == ["id5", "id6"]


def test_a_deployment_that_comes_in_the_meantime_keeps_its_image(stage: Stage) -> None:
    shelf = full()
    asked: list[int] = []

    def meanwhile(goer: Verdict) -> None:
        if goer.thing.name == "id1":
            asked.append(deploy_release(SHOP, PRODUCTION, 2, None, "bob", stage.ports))

    shelf.before = meanwhile
    done = prune("ann", ports_of(stage, shelf))

    assert [thing.name for thing in shelf.content] == ["id2", "id5", "id6"]
    (kept,) = [one.verdict for one in done.done if one.verdict.thing.name == "id2"]
    assert (kept.goes, kept.why) == (False, f"release 2 of shop: deployment {asked[0]} brings it")


def test_what_cannot_be_removed_or_looked_at_is_a_sentence_and_the_rest_goes(stage: Stage) -> None:
    shelf, away = full(), MemoryShelf(failing={"things": Unreachable("Host web-2: no answer.")})
    shelf.failing["id2"] = Rejected("Host web-1: a container came to use shop 2; left.")

    done = prune("ann", ports_of(stage, shelf, away))

    assert done.troubles == ("Host web-2: no answer.",)
    assert [one.error for one in done.goers if one.error] == [str(shelf.failing["id2"])]
    assert shelf.removed == ["id1", "id3", "id4"]


def test_two_at_once_are_refused_and_a_dry_run_is_not(stage: Stage) -> None:
    ports = ports_of(stage, full())
    held = stage.ports.leases.take(KEY, "bob", TTL)

    with pytest.raises(Conflict, match="Another prune is under way"):
        prune("ann", ports)
    assert len(survey(ports).goers) == 4

    assert held
    stage.ports.leases.give_back(held)
    assert len(prune("ann", ports).removed) == 4


def test_whoever_slept_and_lost_the_lease_removes_nothing_more(stage: Stage) -> None:
    shelf = full()
    shelf.before = lambda _: taken_over(stage)

    done = prune("ann", ports_of(stage, shelf))

    assert shelf.removed == ["id1"]
    assert [one.error for one in done.goers[1:]] == [
        "Left: another prune took over while this one slept."
    ] * 3


def taken_over(stage: Stage) -> None:
    stage.clock.sleep(TTL + 1)
    assert stage.ports.leases.take(KEY, "bob", TTL)


def test_room_is_made_on_the_host_that_needs_it_alone(stage: Stage) -> None:
    mine, other = full("web-1"), full("web-2")

    make_room("web-1", "driver", ports_of(stage, mine, other))

    assert mine.removed == ["id1", "id2", "id3", "id4"]
    assert other.removed == []


@pytest.mark.parametrize("act", [survey, lambda ports: prune("ann", ports)], ids=["dry", "real"])
def test_nothing_there_is_nothing_to_do(stage: Stage, act: Callable[[Ports], Any]) -> None:
    assert act(ports_of(stage)).done == ()
