"""Hosts fall silent, are replaced, come back, and are looked after."""

from dataclasses import replace

import pipeline.rollout.tend as tending
from pipeline.rollout import moving
from pipeline.rollout.deployment import Status
from pipeline.rollout.moving import Moves, drain, move
from pipeline.rollout.tend import tend
from runners.stand_ins.world import Quality
from tests.rollout.moved import ended, placed, runs
from tests.rollout.stage import SHOP, Stage

GRACE = 300.0


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


def test_a_host_that_is_known_to_be_silent_is_asked_once(full):
    """A second silence would be no news, and while it lasts all others wait for it."""
    asked, look = [], full.ports.engines.look
    full.ports.engines.look = lambda host, *names: asked.append(host.name) or look(host, *names)
    full.world.up["web-1"] = False
    tend(full.ports)
    asked.clear()

    tend(full.ports)

    assert (asked.count("web-1"), asked.count("web-2")) == (1, 1)


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
