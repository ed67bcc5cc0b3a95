"""An entrance with two regions over the real book, a provider in memory, and an outside that says what it is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.entrances.addresses import NoAddresses
from pipeline.entrances.apply import settle
from pipeline.entrances.entrance import Entrance, HealthRule, Provider, Record, Region
from pipeline.entrances.plan import Verb
from pipeline.entrances.watch import watch
from pipeline.errors import Unreachable
from pipeline.settings import Settings
from runners.dns.zone import Zone
from runners.patience import Patience
from runners.stand_ins.time import InlineHands, VirtualClock
from runners.store import Store, open_store

RULE = HealthRule("https://shop.example.com/", out_after=3, in_after=2, hold=30.0)
REGIONS = {"hz": Region("hz", "203.0.113.10", 60), "sg": Region("sg", "203.0.113.20", 40)}
SHOP = Entrance("shop", "shop.example.com", Provider.ALIDNS, REGIONS, RULE)


@dataclass
class MemoryWire:
    """A provider. `silent`: so many of its next calls are not answered. `late`: nothing settles."""

    records: dict[str, Record] = field(default_factory=dict)
    silent: int = 0
    late: bool = False

    def read(self):
        self._speak()
        return list(self.records.values())

    def write(self, steps):
        self._speak()
        for step in steps:
            if step.verb is Verb.REMOVE:
                del self.records[step.region]
            else:
                one = step.endpoint
                self.records[step.region] = Record(
                    step.region, one.value, one.share, one.line, SHOP.ttl, step.region
                )
        return f"change-{len(self.records)}"

    def settled(self, token):
        return not self.late

    def _speak(self):
        if self.silent:
            self.silent -= 1
            raise Unreachable("The provider does not answer.")


class Told(list):
    def note(self, kind, service, why, name=""):
        self.append((str(kind), name))


class Outside:
    def __init__(self):
        self.sick = set()

    def look(self, url, address, timeout):
        region = next(one.name for one in REGIONS.values() if one.address == address)
        return f"{address} refuses connections" if region in self.sick else ""


@dataclass
class Stage:
    """`look(n)` is n looks, ten seconds apart, by a scheduler that knows nothing but the book."""

    ports: SimpleNamespace
    wire: MemoryWire
    outside: Outside
    told: Told
    blind: list[str] = field(default_factory=list)

    def look(self, times=1):
        for _ in range(times):
            watch(SHOP, self.ports, self._tell_blind)
            self.ports.clock.sleep(10)

    def settle(self):
        settle(SHOP, self.ports)

    def _tell_blind(self, why):
        self.blind.append(why)
        return bool(why)

    @property
    def shares(self):
        return {name: self.wire.records[name].share for name in sorted(self.wire.records)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path}/shipway.db", str(tmp_path / "keys"))
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def stage(store: Store) -> Stage:
    wire, outside, told = MemoryWire(), Outside(), Told()
    ports = SimpleNamespace(
        settings=Settings(entrances={"shop": SHOP}),
        entrances=store.entrances,
        leases=store.leases,
        dns={"shop": Zone(SHOP, wire, Patience(deadline=0.0))},
        outside=outside,
        balancers={},
        addresses=NoAddresses(),
        hands=InlineHands(),
        clock=VirtualClock(),
        told=told,
    )
    return Stage(ports, wire, outside, told)
