"""Machines of a pool serve an environment: they get its release when they join, and are emptied before they are deleted."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.errors import Conflict
from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined
from pipeline.pools.empty import Waits, let_in, take_out
from pipeline.pools.order import Instance, InstanceState
from pipeline.pools.pool import Machine, Pool, Provider, State
from pipeline.pools.sight import Sight
from pipeline.rollout.deployment import Status
from pipeline.roster import NoRoster
from tests.pools.ground import Invites
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage

POOL = Pool("web", Provider.AWS, max=9, labels={"role": "web"}, load_balancer="entry")


@dataclass
class Guests(NoRoster):
    """The hosts of the stage, as if the pool had made them all."""

    rows: dict[str, Joined] = field(default_factory=dict)

    def joined(self) -> dict[str, Joined]:
        return dict(self.rows)

    def identify(self, name: str, instance: str, provider: str, size: str) -> None:
        entry = self.rows[name]
        self.rows[name] = replace(entry, provider=provider, host=replace(entry.host, instance=instance))

    def remove(self, name: str) -> None:
        self.rows.pop(name, None)


class Ground:
    """A stage of three hosts, of which the pool made each."""

    def __init__(self, **stage: Any) -> None:
        self.stage = Stage(hosts=3, edge=True, **stage)
        self.stage.live()
        now = self.stage.clock.now()
        self.roster = Guests({n: Joined(self.stage.machines[n], now, pool="web") for n in self.stage.names})
        self.invites = Invites()
        self.ports = replace(self.stage.ports, roster=self.roster, invites=self.invites)

    def machine(self, name: str, **more: Any) -> "Named":
        now = self.stage.clock.now()
        return Named("web", f"wish-{name}", now, now, State.LEAVING, instance=f"i-{name}", host=name, **more)

    def sight(self, machine: Machine, there: bool = True, **more: Any) -> Sight:
        instance = Instance(machine.instance, machine.wish, InstanceState.RUNNING)
        return Sight(
            replace(POOL, load_balancer=""),
            machines=[machine],
            instances=[instance] if there else [],
            joined=self.roster.joined(),
            **more,
        )

    def take_out(self, machine: Machine, **more: Any) -> None:
        take_out(machine, self.sight(machine, **more), self.stage.clock.now(), self.ports)

    def rolled(self) -> None:
        newest = self.stage.books.deployments.deployments(SHOP, PRODUCTION)[0]
        assert not newest.over
        assert self.stage.run(newest.id).status is Status.SUCCEEDED

    @property
    def placed(self) -> dict[str, int]:
        placed = self.stage.books.deployments.environment(SHOP, PRODUCTION).placed
        return {host: count for host, count in placed.items() if count}


@dataclass(frozen=True)
class Named(Machine):
    """Of a host of the stage, whose names are its own."""

    host: str = ""

    @property
    def name(self) -> str:
        return self.host


def test_a_machine_is_emptied_before_it_leaves_the_fleet():
    ground = Ground()
    machine = ground.machine("web-2")

    with pytest.raises(Waits, match="has not become empty yet: shop/production"):
        ground.take_out(machine)
    assert "web-2" in ground.roster.rows
    ground.rolled()
    ground.take_out(machine)

    assert ground.placed == {"web-1": 1, "web-3": 1}
    assert ground.stage.running("web-2") == []
    assert "web-2" not in ground.roster.rows
    assert ground.invites.revoked == ["web-2"]


def test_a_machine_that_an_environment_needs_stays():
    ground = Ground(policy=replace(POLICY, min_healthy=3, batch=1))
    machine = ground.machine("web-2")

    with pytest.raises(Conflict, match="would run on 2 of the 3 hosts"):
        ground.take_out(machine)

    assert "web-2" in ground.roster.rows
    assert ground.invites.revoked == []


def test_a_machine_that_its_cloud_takes_back_leaves_even_so():
    ground = Ground(policy=replace(POLICY, min_healthy=3, batch=1))
    ground.stage.world.min_healthy = 2
    machine = ground.machine("web-2", failed=True)

    with pytest.raises(Waits):
        ground.take_out(machine)
    ground.rolled()
    ground.take_out(machine)

    assert ground.placed == {"web-1": 1, "web-3": 1}


def test_a_machine_that_vanished_is_left_by_the_books_too():
    ground = Ground()
    ground.stage.world.up["web-2"] = False
    machine = ground.machine("web-2")

    with pytest.raises(Waits):
        ground.take_out(machine, there=False)
    ground.rolled()
    ground.take_out(machine, there=False)

    assert ground.placed == {"web-1": 1, "web-3": 1}
    assert "web-2" not in ground.roster.rows


def test_a_machine_that_stays_full_is_told_after_its_time_and_never_cut():
    ground = Ground()
    machine = replace(ground.machine("web-2"), since=ground.stage.clock.now() - timedelta(hours=1))

    with pytest.raises(Waits, match="for more than 30 min"):
        ground.take_out(machine)
    with pytest.raises(Waits, match="for more than 30 min"):
        ground.take_out(machine)

    assert "web-2" in ground.roster.rows


def test_a_machine_that_joins_gets_what_is_live_before_users_reach_it():
    ground = Ground(spare=1, place=False)
    stage = ground.stage
    environment = replace(stage.environment, hosts=tuple(stage.machines[n] for n in stage.names))
    service = replace(stage.settings.services[SHOP], environments={PRODUCTION: environment})
    ground.ports = replace(ground.ports, settings=replace(stage.settings, services={SHOP: service}))
    machine = ground.machine("web-3")

    let_in(machine, ground.sight(machine), ground.ports)

    assert ground.roster.rows["web-3"].host.instance == "i-web-3"
    ground.rolled()
    assert ground.placed == {"web-1": 1, "web-2": 1, "web-3": 1}
    assert stage.running("web-3") == [(1, 0)]


def test_it_is_no_member_of_the_pools_load_balancer_any_more():
    ground = Ground(entrance=True)
    machine = ground.machine("web-2")
    with pytest.raises(Waits):
        ground.take_out(machine)
    ground.rolled()

    sight = replace(ground.sight(machine), pool=POOL)
    take_out(machine, sight, ground.stage.clock.now(), ground.ports)

    entrance = ground.stage.world.entrance
    assert entrance is not None
    assert {host for host, place in entrance.places.items() if place.let_in} == {"web-1", "web-3"}


def test_a_host_of_another_pool_or_of_the_file_is_not_touched():
    ground = Ground()
    machine = ground.machine("web-2")
    ground.roster.rows["web-2"] = replace(ground.roster.rows["web-2"], pool="")

    assert not ground.sight(machine).has_joined(machine)
    assert Host("web-2", "", "").instance == ""
