"""The grounds of Aliyun's classic load balancer: its default group, a VServerGroup, and two of them as a chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from pipeline.ports import Balancer
from pipeline.secret import Secret
from runners.aliyun_api import AliyunApi
from runners.balancers.aliyun_slb import SlbWire
from runners.balancers.chain import Chain
from runners.cloud_account import of_balancer
from runners.patience import Patience
from tests.parts.balancers.aliyun_cloud import AliyunCloud, Listener
from tests.parts.balancers.aliyun_server import KEYS, aliyun_server
from tests.parts.balancers.backend import Backend
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.balancers.ground import Build, Ground, watching
from tests.parts.balancers.machines import Manners, machines, plane
from tests.parts.balancers.watched import Watched

PORT = 8080
CHANGES = ("AddBackendServers", "SetBackendServers", "RemoveBackendServers", "AddVServerGroupBackendServers",
           "SetVServerGroupAttribute", "RemoveVServerGroupBackendServers")  # fmt: skip
SLB = watching(lambda entry: SlbWire(entry, AliyunApi(of_balancer(entry))))


@dataclass
class Region:
    """A fake Aliyun that runs, with three machines."""

    cloud: AliyunCloud
    faults: Faults
    url: str
    manners: Manners
    backends: dict[Target, Backend | None]

    def entry(self, name: str, slb: str, group: str = "") -> LoadBalancer:
        key, secret = next(iter(KEYS.items()))
        kind = BalancerKind.ALIYUN_SLB
        return LoadBalancer(name, kind, slb, group, "cn-hangzhou", PORT, self.url, key, Secret(secret))

    def fault(self, kind: str) -> None:
        if kind == "busy":
            self.cloud.busy = 0.3
            return
        fault = {
            "throttled": Fault("", "Throttling.User", 400, times=2),
            "broken": Fault("", "ServiceUnavailable", 503, times=2),
            "lost": Fault("", lost=True),
        }[kind]
        self.faults.add(
            *(Fault(action, fault.code, fault.status, fault.times, fault.lost) for action in CHANGES)
        )

    def ground(self, name: str, entry: LoadBalancer, clients: int, build: Build = SLB) -> Ground:
        made = Ground(
            name,
            entry,
            build,
            self.backends,
            lambda number: [Target(f"i-more{index}", PORT) for index in range(number)],
            clients,
            fault=self.fault,
            odd=lambda target: self.cloud.odd.add(target.id),
        ).opened()
        self.manners.begin()
        return made


@contextmanager
def region(late: float = 0.0) -> Iterator[Region]:
    with plane(late) as (data, manners), machines() as backends:
        cloud, faults = AliyunCloud(data, manners), Faults()
        targets: dict[Target, Backend | None] = {}
        for number, backend in enumerate(backends):
            targets[Target(f"i-{number}", PORT)] = backend
            cloud.addresses[f"i-{number}", None] = backend.address
        with aliyun_server(cloud, faults) as server:
            yield Region(cloud, faults, server.url, manners, targets)


@contextmanager
def aliyun(late: float = 0.0) -> Iterator[Ground]:
    with region(late) as here:
        slb = here.cloud.add_slb("lb-1", Listener(80, PORT))
        yield here.ground("aliyun", here.entry("entry", "lb-1"), slb.default.pool.port)


@contextmanager
def aliyun_group(late: float = 0.0) -> Iterator[Ground]:
    with region(late) as here:
        here.cloud.add_slb("lb-1", Listener(80, PORT, group="rsp-1"))
        group = here.cloud.add_group("rsp-1", "lb-1")
        yield here.ground("aliyun group", here.entry("entry", "lb-1", "rsp-1"), group.pool.port)


@contextmanager
def chain(late: float = 0.0) -> Iterator[Ground]:
    """Users come in at the outer one; both know the same machines."""
    with region(late) as here:
        outer = here.cloud.add_slb("lb-outer", Listener(80, PORT))
        here.cloud.add_slb("lb-inner", Listener(80, PORT))

        def build(entry: LoadBalancer, patience: Patience) -> tuple[Balancer, list[Watched]]:
            pairs = [SLB(here.entry(entry.name, slb), patience) for slb in entry.of]
            return Chain(entry, [made for made, _ in pairs]), [one for _, watched in pairs for one in watched]

        entry = LoadBalancer("entry", BalancerKind.CHAIN, of=("lb-outer", "lb-inner"))
        yield here.ground("chain", entry, outer.default.pool.port, build)
