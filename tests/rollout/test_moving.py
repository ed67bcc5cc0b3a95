"""Hosts are drained and resumed, services move, and the scheduler looks after what had to wait."""

from dataclasses import replace

import pytest

import pipeline.rollout.tend as tending
from pipeline.errors import Conflict, NotFound
from pipeline.rollout import moving
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.moving import Moves, drain, move, resume
from pipeline.rollout.preview import preview
from pipeline.rollout.rollback import retry, scale
from pipeline.rollout.tend import tend
from runners.stand_ins.world import Quality
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage

GRACE = 300.0


def placed(stage: Stage) -> dict[str, int]:
    return dict(stage.books.deployments.environment(SHOP, PRODUCTION).placed)


def runs(stage: Stage) -> dict[str, list[tuple[int, int]]]:
    return {host: stage.running(host) for host in stage.names}


def ended(stage: Stage, moves: Moves) -> None:
    for number in moves.deployments:
        deployment = stage.run(number)
        assert (deployment.reason, deployment.status) == (Reason.MIGRATE, Status.SUCCEEDED), deployment.error
        stage.check(number, deployment.release)


@pytest.fixture(params=[False, True], ids=["a proxy each", "edge"])
def spared(request) -> Stage:
    """Two of three hosts are used."""
    stage = Stage(hosts=3, edge=request.param, spare=1, place=True)
    stage.live()
    return stage


@pytest.fixture
def full() -> Stage:
    """All three hosts are used."""
    stage = Stage(hosts=3, edge=True)
    stage.live()
    return stage


def test_drained_host_is_replaced_by_a_spare_one(spared):
    moves = drain("web-1", "mia", "a new kernel", False, spared.ports)
    ended(spared, moves)
    assert runs(spared) == {"web-1": [], "web-2": [(1, 0)], "web-3": [(1, 0)]}
    assert placed(spared) == {"web-2": 1, "web-3": 1}


def test_without_a_spare_host_a_drain_leaves_fewer(full):
    ended(full, drain("web-1", "mia", "", False, full.ports))
    assert placed(full) == {"web-2": 1, "web-3": 1}


def test_resumed_host_gets_the_live_release_before_users_reach_it(full):
    ended(full, drain("web-1", "mia", "", False, full.ports))
    fresh = full.release()
    assert full.run(full.deploy(fresh, hosts=full.plans({"web-2": 1, "web-3": 1}))).status is Status.SUCCEEDED

    ended(full, resume("web-1", "mia", full.ports))

    assert runs(full) == {host: [(2, 0)] for host in full.names}
    assert full.serves(full.sites[0]) == {2}


def test_resumed_host_stays_spare_when_others_took_over(spared):
    ended(spared, drain("web-1", "mia", "", False, spared.ports))
    assert resume("web-1", "mia", spared.ports) == Moves()
    assert tend(spared.ports) == ()
    assert placed(spared) == {"web-2": 1, "web-3": 1}


def test_drain_below_the_floor_is_refused_and_says_what_to_do():
    stage = Stage(hosts=2, edge=True, policy=replace(POLICY, min_healthy=2, batch=1))
    stage.live()
    with pytest.raises(Conflict, match=r"run on 1 of the 2 hosts that it needs at least .* --force"):
        drain("web-1", "mia", "", False, stage.ports)
    assert stage.ports.fleet.hosts() == {}
    stage.world.min_healthy = 1
    ended(stage, drain("web-1", "mia", "", True, stage.ports))


def test_last_host_is_never_drained():
    stage = Stage(hosts=1)
    stage.live()
    with pytest.raises(Conflict, match="has no host left to run on"):
        drain("web-1", "mia", "", True, stage.ports)


def test_unknown_host_is_not_drained(full):
    with pytest.raises(NotFound, match="Known hosts: edge-1, web-1, web-2, web-3"):
        drain("web-9", "mia", "", False, full.ports)


def test_host_that_is_not_drained_cannot_be_resumed(full):
    with pytest.raises(Conflict, match="is not drained"):
        resume("web-1", "mia", full.ports)


def test_drain_waits_for_what_is_under_way_and_is_not_forgotten(spared):
    number = spared.deploy(spared.release(), hosts=spared.plans({"web-1": 1, "web-2": 1}))

    moves = drain("web-1", "mia", "", False, spared.ports)

    assert moves == Moves((), ("shop/production",))
    assert spared.run(number).status is Status.SUCCEEDED
    ended(spared, Moves(tend(spared.ports)))
    assert runs(spared) == {"web-1": [], "web-2": [(2, 0)], "web-3": [(2, 0)]}
    assert tend(spared.ports) == ()


@pytest.mark.parametrize("edge", [False, True])
def test_service_moves_and_moves_back(edge):
    stage = Stage(hosts=3, edge=edge, spare=1)
    stage.live()
    ended(stage, move(SHOP, "web-1", "web-3", "", "mia", stage.ports))
    assert placed(stage) == {"web-2": 1, "web-3": 1}

    scaled = stage.run(scale(SHOP, PRODUCTION, 2, "mia", stage.ports))
    assert scaled.status is Status.SUCCEEDED
    assert placed(stage) == {"web-2": 2, "web-3": 2}

    ended(stage, move(SHOP, "web-3", "web-1", PRODUCTION, "mia", stage.ports))
    assert placed(stage) == {"web-1": 2, "web-2": 2}
    assert stage.books.deployments.environment(SHOP, PRODUCTION).moved == {}


def test_move_that_fails_is_wished_no_more():
    stage = Stage(hosts=3, edge=True, spare=1)
    stage.live()
    stage.world.taken.add("web-3")
    moves = move(SHOP, "web-1", "web-3", "", "mia", stage.ports)
    deployment = stage.run(moves.deployments[0])
    assert deployment.status is Status.ROLLED_BACK
    assert stage.books.deployments.environment(SHOP, PRODUCTION).moved == {}
    assert runs(stage) == {"web-1": [(1, 0)], "web-2": [(1, 0)], "web-3": []}


def test_move_and_scale_that_failed_are_tried_again_as_they_were():
    stage = Stage(hosts=3, edge=True, spare=1)
    stage.live()
    stage.world.taken.add("web-3")
    failed = stage.run(move(SHOP, "web-1", "web-3", "", "mia", stage.ports).deployments[0])
    assert failed.status is Status.ROLLED_BACK
    stage.world.taken.clear()
    ended(stage, Moves((retry(failed.id, "mia", stage.ports),)))
    assert placed(stage) == {"web-2": 1, "web-3": 1}

    stage.world.taken.add("web-3")
    failed = stage.run(scale(SHOP, PRODUCTION, 2, "mia", stage.ports))
    assert failed.status is Status.ROLLED_BACK
    stage.world.taken.clear()
    assert stage.run(retry(failed.id, "mia", stage.ports)).status is Status.SUCCEEDED
    assert placed(stage) == {"web-2": 2, "web-3": 2}


def test_move_is_refused_where_it_makes_no_sense(spared):
    with pytest.raises(Conflict, match="does not run on web-3"):
        move(SHOP, "web-3", "web-1", "", "mia", spared.ports)
    with pytest.raises(Conflict, match="runs on web-2 already"):
        move(SHOP, "web-1", "web-2", "", "mia", spared.ports)
    spared.ports.fleet.drain("web-3", "mia", "")
    with pytest.raises(Conflict, match="web-3: it is drained"):
        move(SHOP, "web-1", "web-3", "", "mia", spared.ports)


def test_move_takes_nobodys_place(spared):
    number = spared.deploy(spared.release())
    with pytest.raises(Conflict, match=f"Deployment {number} "):
        move(SHOP, "web-1", "web-3", "", "mia", spared.ports)
    assert spared.books.deployments.deployment(number).status is Status.PENDING
    assert spared.books.deployments.environment(SHOP, PRODUCTION).moved == {}


# ------------------------------------------------------------------------------------------------ loss and return


def test_silence_is_told_once(spared):
    spared.world.up["web-1"] = False
    for _ in range(3):
        tend(spared.ports)
    assert [told.partition(":")[0] for told in spared.notices.told] == ["web-1 does not answer"]
    assert "within 5 s. It has replicas of: shop/production (replace)." in spared.notices.told[0]
    spared.world.up["web-1"] = True
    for _ in range(3):
        tend(spared.ports)
    assert spared.notices.told[1:] == ["web-1 answers again: Its environments are looked after."]


def test_host_that_stays_silent_is_replaced_after_the_grace(spared):
    spared.world.up["web-1"] = False
    assert tend(spared.ports) == ()
    spared.clock.sleep(GRACE)
    spared.world.min_healthy = 1

    numbers = tend(spared.ports)

    assert [spared.run(number).status for number in numbers] == [Status.SUCCEEDED]
    assert placed(spared) == {"web-1": 0, "web-2": 1, "web-3": 1}
    assert tend(spared.ports) == ()


def test_host_that_was_replaced_is_cleared_when_it_is_back(spared):
    spared.world.up["web-1"] = False
    tend(spared.ports)
    spared.clock.sleep(GRACE)
    spared.world.min_healthy = 1
    assert [spared.run(number).status for number in tend(spared.ports)] == [Status.SUCCEEDED]

    spared.world.up["web-1"] = True
    ended(spared, Moves(tend(spared.ports)))

    assert runs(spared) == {"web-1": [], "web-2": [(1, 0)], "web-3": [(1, 0)]}
    assert tend(spared.ports) == ()
    assert spared.ports.fleet.hosts()["web-1"].returned_at is None


def test_silent_host_is_waited_for_by_default(full):
    full.world.up["web-1"] = False
    tend(full.ports)
    full.clock.sleep(10 * GRACE)
    assert tend(full.ports) == ()


def test_host_that_missed_a_release_gets_it_before_users_reach_it_again(full):
    full.world.up["web-1"] = False
    tend(full.ports)
    deployment = full.run(full.deploy(full.release()))
    assert deployment.status is Status.SUCCEEDED
    assert full.serves(full.sites[0]) == {2}

    full.world.up["web-1"] = True
    assert full.serves(full.sites[0]) == {2}
    ended(full, Moves(tend(full.ports)))

    assert runs(full) == {host: [(2, 0)] for host in full.names}
    assert tend(full.ports) == ()


def test_host_that_is_back_and_in_order_is_left_alone(full):
    full.world.up["web-1"] = False
    tend(full.ports)
    full.world.up["web-1"] = True
    assert tend(full.ports) == ()
    assert full.ports.fleet.hosts()["web-1"].returned_at is None


def test_migration_that_failed_is_tried_again_after_a_while(spared):
    spared.world.taken.add("web-3")
    drain("web-1", "mia", "", False, spared.ports)
    assert spared.run(2).status is Status.ROLLED_BACK
    assert tend(spared.ports) == ()
    spared.world.taken.clear()
    spared.clock.sleep(600.0)
    ended(spared, Moves(tend(spared.ports)))
    assert placed(spared) == {"web-2": 1, "web-3": 1}


def test_host_that_got_lost_in_a_move_that_failed_is_cleared_when_it_is_back():
    stage = Stage(hosts=3, edge=True, spare=1)
    stage.live()

    def hook(where: str) -> None:
        if where == "after switch on edge-1":
            stage.world.up["web-3"] = False

    stage.hook = hook
    moved = stage.run(move(SHOP, "web-1", "web-3", "", "mia", stage.ports).deployments[0])
    stage.hook = lambda _: None
    assert moved.status is Status.ROLLED_BACK
    assert placed(stage) == {"web-1": 1, "web-2": 1, "web-3": 0}
    tend(stage.ports)
    stage.world.up["web-3"] = True
    stage.clock.sleep(600.0)

    ended(stage, Moves(tend(stage.ports)))

    assert runs(stage) == {"web-1": [(1, 0)], "web-2": [(1, 0)], "web-3": []}


# ------------------------------------------------------------------------------------------------ memory and reasons


def test_hosts_are_chosen_by_their_memory_and_the_plan_says_why():
    stage = Stage(hosts=3, edge=True, spare=2, place=True)
    stage.live()
    release = stage.release(Quality.GOOD, memory=1 << 30)
    stage.world.memory = {"web-1": 1 << 32, "web-2": 1 << 29, "web-3": 1 << 32}
    stage.ports.fleet.drain("web-1", "mia", "a new kernel")

    steps = preview(SHOP, PRODUCTION, release.number, stage.ports)

    assert [(s.host, s.what) for s in steps[:3]] == [
        ("web-3", "1 replica"),
        ("web-1", "no replicas"),
        ("web-2", "no replicas"),
    ]
    assert steps[1].why == "it is drained (by mia: a new kernel)"
    assert steps[2].why == "its replicas need 1024 MiB of memory and 512 MiB are not promised to others"


def test_what_a_host_that_comes_back_still_answers_is_waited_for_before_it_is_stopped():
    """It missed a release and was drained while it was away; users reached it until our proxy could be told."""
    stage = Stage(hosts=3, spare=1, place=True)
    stage.live()
    stage.world.up["web-2"] = False
    assert stage.run(stage.deploy(stage.release(), hosts=stage.plans({"web-1": 1, "web-2": 1}))).over
    ended(stage, drain("web-2", "mia", "", False, stage.ports))
    stage.world.up["web-2"] = True
    bad = stage.release()
    stage.world.qualities[bad.number] = Quality.BAD_START

    deployment = stage.run(stage.deploy(bad, hosts=stage.plans({"web-1": 1, "web-2": 0, "web-3": 1})))

    assert deployment.status is Status.ROLLED_BACK, (
        deployment.error
    )  # the world raises what is stopped too early


def test_a_silent_host_is_asked_twice_and_not_for_each_environment(full):
    service = full.settings.services[SHOP]
    more = {f"e{n}": replace(full.environment, name=f"e{n}") for n in range(5)}
    many = replace(service, environments={**service.environments, **more})
    ports = replace(full.ports, settings=replace(full.settings, services={SHOP: many}))
    asked, look = [], ports.engines.look
    ports.engines.look = lambda host, *names: asked.append(host.name) or look(host, *names)
    full.world.up["web-1"] = False

    tend(ports)

    assert asked.count("web-1") == 2
    assert asked.count("web-2") == 6
    assert ports.fleet.hosts()["web-1"].silent_since is not None


def test_a_look_at_a_fleet_that_is_well_writes_nothing(spared):
    writes = []
    spared.ports.fleet.answers = lambda host, at: writes.append(host)

    tend(spared.ports)

    assert writes == []


def test_who_uses_which_host_is_found_once_however_many_fall_silent(full, monkeypatch):
    calls, found = [], moving.usage
    for module in (moving, tending):  # what a look costs shows in no answer
        monkeypatch.setattr(module, "usage", lambda ports: calls.append(1) or found(ports))
    for host in full.names[1:]:
        full.world.up[host] = False

    tend(full.ports)

    assert len(calls) == 1
