"""A host, its engine, proxies and probe: in memory, and real ones of the lab. Contract tests run on both, word for word."""

import os
import time
from typing import Protocol

import pytest

from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Backend, BackendState, Proxy, ProxyKind, Route, Site, SiteWanted
from pipeline.ports import Engines, Probe, Proxies
from pipeline.rollout.observed import HostSeen, ReplicaSeen
from pipeline.rollout.release import ReplicaPlan, RuntimeSpec
from runners.engine import DockerEngines
from runners.probe import ReplicaProbe
from runners.proxies import ProxyContainers
from runners.stand_ins.fleet import WorldEngines, WorldProbe, WorldProxies
from runners.stand_ins.front import USERS
from runners.stand_ins.world import Quality, World
from tests.parts.fleet import Fleet, ask, wait_for
from tests.parts.laboratory import NoLab, laboratory
from tests.parts.roads import Road

GROUNDS = [
    "in memory",
    pytest.param("haproxy", marks=pytest.mark.live),
    pytest.param("nginx", marks=pytest.mark.live),
]
ONE_EACH = GROUNDS[:2]  # where the proxy does not matter
# Ways to an engine other than plain tcp, which the grounds above go.
TRANSPORTS = [
    pytest.param(f"haproxy by {way}", marks=pytest.mark.live)
    for way in ("unix", "tls", "ssh", "agent", "peer")
]


class Ground(Protocol):
    """What a contract test may ask for."""

    host: Host
    lost: Host  # one whose engine never answers
    engines: Engines
    proxies: Proxies
    probe: Probe
    proxy: Proxy
    access: RegistryAccess

    def plan(self, release: int = 1, index: int = 0) -> ReplicaPlan: ...
    def another(self, installation: str) -> "tuple[Engines, Proxies]": ...
    def missing(self) -> str: ...
    def other_image(self) -> str: ...
    def weighs(self, image: str) -> None: ...  # something, in the registry
    def die(self, container: str) -> None: ...
    def settle(self, address: str) -> None: ...
    def spoil(self, release: int) -> None: ...  # it will be well, and answer 500 to users
    def visit(self, times: int) -> None: ...
    def renew(
        self,
    ) -> None: ...  # for the next test: no proxy; replicas that run are adopted by whoever starts them
    def clear(self) -> None: ...  # ... nor any replica
    def close(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.world = World(["web-1", "web-2"])
        self.world.up["web-2"] = False
        self.host = Host("web-1", "tcp://10.0.0.1:2375", "10.0.0.1")
        self.lost = Host("web-2", "tcp://10.0.0.2:2375", "10.0.0.2")
        self.engines = WorldEngines(self.world)
        self.proxies = WorldProxies(self.world)
        self.probe = WorldProbe(self.world)
        self.proxy = Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2")
        self.access = RegistryAccess("10.0.0.9:5000")

    def plan(self, release: int = 1, index: int = 0) -> ReplicaPlan:
        image = "10.0.0.9:5000/shop@sha256:1"
        self.engines.pull(self.host, image, self.access)
        return ReplicaPlan("shop", "production", release, image, RuntimeSpec(), 1, index)

    def another(self, installation: str) -> "tuple[Engines, Proxies]":
        """What another Shipway sees and does here."""
        return WorldEngines(self.world, installation), WorldProxies(self.world, installation)

    def missing(self) -> str:
        self.world.missing.add("10.0.0.9:5000/shop@sha256:2")
        return "10.0.0.9:5000/shop@sha256:2"

    def weighs(self, image: str) -> None:
        self.world.weights[image] = 5 << 20

    def other_image(self) -> str:
        image = "10.0.0.9:5000/shop@sha256:3"
        self.engines.pull(self.host, image, self.access)
        return image

    def die(self, container: str) -> None:
        self.world.end(self.world.containers[container], 3)

    def settle(self, address: str) -> None:
        self.world.clock.sleep(1)

    def spoil(self, release: int) -> None:
        self.world.qualities[release] = Quality.BAD_ANSWERS

    def visit(self, times: int) -> None:
        self.world.clock.sleep(times / USERS)

    renew = clear

    def close(self) -> None:
        """Nothing to remove."""


class InLab:
    def __init__(self, proxy: str, way: str = "tcp") -> None:
        lab = laboratory()
        self.road = Road(lab, way)
        self.fleet = Fleet(lab, self.road.host, self.road.reach)
        self.host, self.lost = self.road.host, self.road.lost
        self.engines = self.fleet.engines
        self.proxies = self.fleet.proxies
        self.probe = ReplicaProbe(self.fleet.reach)
        self.kind = proxy
        self.proxy = self.fleet.front(proxy)
        self.access = RegistryAccess(self.fleet.lab.registry, insecure=True)
        self.spoiled: set[int] = set()

    def plan(self, release: int = 1, index: int = 0) -> ReplicaPlan:
        return self.fleet.plan(release, index, "500" if release in self.spoiled else "")

    def another(self, installation: str) -> "tuple[Engines, Proxies]":
        engines = DockerEngines(self.fleet.reach, lambda: installation)
        return engines, ProxyContainers(self.fleet.reach, None, lambda: installation)

    def missing(self) -> str:
        return f"{self.fleet.image('busybox').partition('@')[0]}@sha256:{'2' * 64}"

    def weighs(self, image: str) -> None:
        """As every real one does."""

    def other_image(self) -> str:
        return self.fleet.image("busybox")

    def die(self, container: str) -> None:
        self.fleet.reach.client(self.host).kill(container)
        while look(self)[0].state == "running":
            time.sleep(0.05)

    def settle(self, address: str) -> None:
        wait_for(address)

    def spoil(self, release: int) -> None:
        self.spoiled.add(release)

    def visit(self, times: int) -> None:
        for _ in range(times):
            ask(f"{self.host.address}:{self.proxy.listen}")

    def renew(self) -> None:
        self.fleet.renew()
        self.proxy = self.fleet.front(self.kind)

    def clear(self) -> None:
        self.fleet.clear()
        self.spoiled.clear()
        self.proxy = self.fleet.front(self.kind)

    def close(self) -> None:
        self.fleet.close()
        self.road.close()


def make(kind: str) -> Ground:
    """Without a lab: skipped with the reason, failed where CI is true."""
    if kind == "in memory":
        return InMemory()
    proxy, _, way = kind.partition(" by ")
    try:
        return InLab(proxy, way or "tcp")
    except NoLab as error:
        if os.environ.get("CI") == "true" or os.environ.get("SHIPWAY_REQUIRE_LIVE") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def seen(ground: Ground) -> HostSeen:
    plan = ground.plan()
    return ground.engines.look(ground.host, plan.service, plan.environment)


def look(ground: Ground) -> tuple[ReplicaSeen, ...]:
    return seen(ground).replicas


def started(ground: Ground, release: int = 1) -> ReplicaSeen:
    """One running replica that answers."""
    ground.engines.start(ground.host, ground.plan(release))
    found = next(replica for replica in look(ground) if replica.release == release)
    ground.settle(found.address)
    return found


def wanted(ground: Ground, generation: int, ready: str, drain: str = "") -> SiteWanted:
    site = Site(ground.proxy.name, ground.host.name)
    plan = ground.plan()
    backends = [Backend(ready, ground.host.name, 1)]
    backends += [Backend(drain, ground.host.name, 1, BackendState.DRAIN)] if drain else []
    return SiteWanted(site, generation, (Route(site, plan.service, plan.environment, "", tuple(backends)),))
