"""A pool over real books and a cloud in memory, on a clock of its own; the process that carries it out may be killed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

from pipeline.fleet.host import Host
from pipeline.fleet.joined import Joined
from pipeline.pools.carry import Done, carry
from pipeline.pools.look import look
from pipeline.pools.order import Order
from pipeline.pools.plan import plan
from pipeline.pools.pool import Machine, Pool, Provider, State
from pipeline.pools.sight import Deed, Plan
from pipeline.secret import Secret
from pipeline.settings import Settings
from pipeline.standing import live, with_hosts
from runners.stand_ins.clouds import MemoryCloud
from runners.stand_ins.time import VirtualClock
from runners.store import Store


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Invites:
    """Implements `pipeline.pools.cloud.Invites`."""

    texts: dict[str, str] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)

    def user_data(self, pool: Pool, name: str, seconds: float) -> str:
        self.texts[name] = f"#!/bin/sh\necho join as {name} within {seconds:.0f}\n"
        return self.texts[name]

    def revoke(self, host: str) -> None:
        self.revoked.append(host)


class Ground:
    """`enrol`: machines that run join by themselves at the next `pass_time`."""

    def __init__(self, store: Store, pool: Pool | None = None, enrol: bool = True) -> None:
        self.store = store
        self.clock = VirtualClock()
        self.pool = pool or Pool("web", Provider.ALIYUN, min=0, max=20, labels={"role": "web"})
        self.cloud = MemoryCloud(self.pool, self.clock.now)
        self.invites = Invites()
        self.enrol = enrol
        self.told: list[str] = []
        self.numbers = count(1)
        self.mortal: Callable[[str], None] = lambda _: None
        file = Settings(pools={self.pool.name: self.pool})
        settings = live(file, lambda: with_hosts(file, {n: j.host for n, j in store.roster.joined().items()}))
        self.ports: Any = SimpleNamespace(
            settings=settings,
            leases=store.leases,
            pools=Mortal(store.pools, self),
            roster=Mortal(store.roster, self),
            fleet=Mortal(store.fleet, self),
            audit=store.audit,
            deployments=store.deployments,
            releases=store.releases,
            clouds={self.pool.name: self.cloud},
            invites=self.invites,
            notices=SimpleNamespace(tell=lambda title, text: self.told.append(title)),
            balancers={},
            clock=self.clock,
        )

    def want(self, machines: int, force: bool = True) -> None:
        self.store.pools.want(self.pool.name, machines, "a test", "ada", force)

    def carry(self) -> tuple[Done, ...]:
        return carry("here", lambda: f"{next(self.numbers):08d}wish", self.ports)

    def plan(self) -> Plan:
        return plan(look(self.pool, self.ports), self.clock.now())

    def pass_time(self, seconds: float = 60.0) -> None:
        self.clock.sleep(seconds)
        if self.enrol:
            self.join()

    def join(self) -> None:
        """Each machine that runs and was told how, as its agent would."""
        joined = self.store.roster.joined()
        for row in self.cloud.rows.values():
            name = self.cloud.orders[row.wish].name
            if name not in joined and name not in self.invites.revoked and row.state == "running":
                host = Host(name, f"tcp://{row.address}:2376", row.address, labels=self.pool.labels)
                self.store.roster.add(Joined(host, self.clock.now(), pool=self.pool.name))

    def rounds(self, times: int = 12) -> None:
        for _ in range(times):
            self.carry()
            self.pass_time()

    def machines(self, state: State | None = None) -> list[Machine]:
        return [m for m in self.store.pools.machines() if state in (None, m.state)]

    def settled(self, number: int) -> None:
        """So many machines, ready, hosts, alive; and nothing else."""
        found = self.machines()
        assert [m.state for m in found] == [State.READY] * number
        assert sorted(m.instance for m in found) == sorted(self.cloud.rows)
        assert sorted(m.name for m in found) == sorted(self.store.roster.joined())
        assert not [step for step in self.plan().steps if step.deed is not Deed.EXTEND]

    def one_machine_a_wish(self) -> None:
        wishes = [row.wish for row in self.cloud.made]
        assert len(wishes) == len(set(wishes))

    def later(self, machine: Machine, seconds: float) -> Machine:
        return replace(machine, since=machine.since + timedelta(seconds=seconds))


class Mortal:
    """A book at whose door the process may die, before a call and after it."""

    def __init__(self, book: Any, ground: Ground) -> None:
        self._book, self._ground = book, ground

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._book, name)

        def call(*words: Any, **named: Any) -> Any:
            self._ground.mortal(f"before {name}")
            found = method(*words, **named)
            self._ground.mortal(f"after {name}")
            return found

        return call


def ordered(pool: Pool, wish: str) -> Order:
    return Order(wish, f"{pool.name}-{wish[:8]}", pool.name, user_data=Secret("#!/bin/sh\ntrue\n"))
