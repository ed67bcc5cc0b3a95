"""A host or a region is left by everything at once; the plan tells all that stands in its way first."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict, NotFound
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.evacuation import evacuate, hosts_of, plan_evacuation, progress
from pipeline.rollout.tend import tend
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage


def placed(stage: Stage) -> dict[str, int]:
    return dict(stage.books.deployments.environment(SHOP, PRODUCTION).placed)


def regional(**changes: object) -> Stage:
    """Two of four hosts are used, both in hz; two spare ones stand in bj."""
    stage = Stage(hosts=4, edge=True, spare=2, place=True, regions=("hz", "hz", "bj", "bj"), **changes)  # type: ignore[arg-type]
    stage.live()
    return stage


@pytest.mark.parametrize(("where", "hosts"), [("web-2", ("web-2",)), ("hz", ("web-1", "web-2"))])
def test_where_is_a_host_or_all_of_a_region(where: str, hosts: tuple[str, ...]):
    assert hosts_of(where, regional().ports) == hosts


@pytest.mark.parametrize("where", ["", "sh", "web-9"])
def test_neither_is_not_found_and_names_what_there_is(where: str):
    with pytest.raises(NotFound, match="regions: bj, hz"):
        hosts_of(where, regional().ports)


def test_plan_says_what_goes_where_and_changes_nothing():
    stage = regional()
    (leave,) = plan_evacuation("hz", False, stage.ports).leaves
    assert (leave.before, leave.after, leave.refusal) == (
        {"web-1": 1, "web-2": 1},
        {"web-3": 1, "web-4": 1},
        "",
    )
    assert stage.books.fleet.hosts() == {}
    assert placed(stage) == {"web-1": 1, "web-2": 1}


def test_a_region_is_left_by_one_deployment_and_nothing_comes_back():
    stage = regional()
    _, moves = evacuate("hz", "mia", "flood", False, stage.ports)
    (number,) = moves.deployments
    deployment = stage.run(number)
    assert (deployment.reason, deployment.status) == (Reason.MIGRATE, Status.SUCCEEDED), deployment.error
    stage.check(number, deployment.release)
    assert placed(stage) == {"web-3": 1, "web-4": 1}
    assert tend(stage.ports) == ()
    done = progress("hz", stage.ports)
    assert (done.drained, [one.replicas for one in done.remaining]) == (("web-1", "web-2"), [])


def test_progress_names_what_is_left_and_the_deployment_that_takes_it_away():
    stage = regional()
    _, moves = evacuate("hz", "mia", "", False, stage.ports)
    (left,) = progress("hz", stage.ports).remaining
    assert (left.service, left.replicas) == (SHOP, 2)
    assert left.deployment is not None
    assert left.deployment.id == moves.deployments[0]


def test_it_is_not_empty_before_the_old_replicas_are_gone():
    stage = regional()
    _, moves = evacuate("hz", "mia", "", False, stage.ports)
    seen: list[tuple[int, int]] = []

    def look(_: str) -> None:
        there = sum(len(stage.running(host)) for host in ("web-1", "web-2"))
        seen.append((there, sum(one.replicas for one in progress("hz", stage.ports).remaining)))

    stage.hook = look
    stage.run(moves.deployments[0])

    assert any(there for there, _ in seen)
    assert all(told for there, told in seen if there)
    assert progress("hz", stage.ports).remaining == ()


def test_asked_again_it_goes_on_with_what_is_left():
    stage = regional()
    stage.ports.fleet.drain("web-1", "mia", "the command died after the first host")
    _, moves = evacuate("hz", "mia", "", False, stage.ports)
    for number in moves.deployments:
        assert stage.run(number).status is Status.SUCCEEDED
    assert placed(stage) == {"web-3": 1, "web-4": 1}
    assert evacuate("hz", "mia", "", False, stage.ports)[1].deployments == ()


def test_without_a_host_elsewhere_it_is_refused_before_anything_is_written():
    stage = Stage(hosts=2, edge=True, regions=("hz", "hz"))
    stage.live()
    planned = plan_evacuation("hz", True, stage.ports)
    assert "has no host left to run on" in planned.refusals[0]
    with pytest.raises(Conflict, match="nothing was begun"):
        evacuate("hz", "mia", "", True, stage.ports)
    assert stage.books.fleet.hosts() == {}


def test_below_the_floor_it_needs_force():
    stage = Stage(hosts=3, edge=True, regions=("hz", "hz", "bj"), policy=replace(POLICY, min_healthy=2))
    stage.live()
    with pytest.raises(Conflict, match=r"1 of the 2 hosts .* --force"):
        evacuate("hz", "mia", "", False, stage.ports)
    planned, moves = evacuate("hz", "mia", "", True, stage.ports)
    assert planned.leaves[0].after == {"web-3": 1}
    assert len(moves.deployments) == 1


def test_a_proxy_that_stays_there_is_named():
    stage = regional()
    (remark,) = plan_evacuation("edge-1", False, stage.ports).remarks
    assert "Proxy front runs on edge-1 and stays there" in remark
