"""The ground of Aliyun's application load balancer: a server group behind a listener."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from pipeline.secret import Secret
from runners.aliyun_api import AliyunApi
from runners.balancers.aliyun_alb import AlbWire
from runners.cloud_account import of_balancer
from tests.parts.balancers.alb_cloud import CHANGES, AlbCloud, AlbListener
from tests.parts.balancers.aliyun_server import KEYS, aliyun_server
from tests.parts.balancers.backend import Backend
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.balancers.ground import QUICK, Ground, watching
from tests.parts.balancers.machines import Manners, machines, plane

PORT = 8080
WIRE = watching(lambda entry: AlbWire(entry, AliyunApi(of_balancer(entry)), QUICK))


@dataclass
class AlbRegion:
    """A fake Aliyun that runs, with three machines."""

    cloud: AlbCloud
    faults: Faults
    url: str
    manners: Manners
    backends: dict[Target, Backend | None]

    def entry(self, name: str, alb: str, group: str) -> LoadBalancer:
        key, secret = next(iter(KEYS.items()))
        kind = BalancerKind.ALIYUN_ALB
        return LoadBalancer(name, kind, alb, group, "cn-hangzhou", PORT, self.url, key, Secret(secret))

    def fault(self, kind: str) -> None:
        """busy: somebody else's job holds the group when the change arrives."""
        code, status = {
            "throttled": ("Throttling.User", 400),
            "broken": ("ServiceUnavailable", 503),
            "busy": ("IncorrectStatus.ServerGroup", 400),
            "lost": ("", 400),
        }[kind]
        if kind == "busy":
            self.cloud.busy = 0.3
        times, lost = (1, True) if kind == "lost" else (2, False)
        self.faults.add(*(Fault(action, code, status, times, lost) for action in CHANGES))

    def ground(self, entry: LoadBalancer, clients: int) -> Ground:
        made = Ground(
            "aliyun alb",
            entry,
            WIRE,
            self.backends,
            lambda number: [Target(f"i-more{index}", PORT) for index in range(number)],
            clients,
            fault=self.fault,
            odd=lambda target: self.cloud.odd.add(target.id),
        ).opened()
        self.manners.begin()
        return made


@contextmanager
def alb_region(late: float = 0.0) -> Iterator[AlbRegion]:
    """With nobody healthy, everybody gets requests. A parked member has no health."""
    with plane(late, fail_open=True, checks_parked=False) as (data, manners), machines() as backends:
        cloud, faults = AlbCloud(data, manners), Faults()
        targets: dict[Target, Backend | None] = {}
        for number, backend in enumerate(backends):
            targets[Target(f"i-{number}", PORT)] = backend
            cloud.addresses[f"i-{number}"] = backend.address
        with aliyun_server(cloud, faults) as server:
            yield AlbRegion(cloud, faults, server.url, manners, targets)


@contextmanager
def alb(late: float = 0.0) -> Iterator[Ground]:
    with alb_region(late) as here:
        here.cloud.add_alb("alb-1", AlbListener("lsn-80", "sgp-1"), AlbListener("lsn-443", "", ("sgp-1",)))
        group = here.cloud.add_group("sgp-1")
        yield here.ground(here.entry("entry", "alb-1", "sgp-1"), group.pool.port)
