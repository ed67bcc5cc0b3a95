"""A fleet of any size without a dockerd: settings, engines that answer as late as real ones do, books with what is live."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, ProxyKind
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.lease import deployment_key, run_key
from pipeline.ports import Logs, Ports
from pipeline.rollout.deployment import Deployment, Happening, HostPlan, Status
from pipeline.rollout.observed import HostSeen, ReplicaSeen, ReplicaState
from pipeline.settings import Settings
from runners.clock import SystemClock
from runners.forges import Forges
from runners.hands import ThreadHands
from runners.notify import LogNotices
from runners.store import Store
from tests.bench import hook_body
from tests.contracts.samples import delivery, deployment, new_run, release

ON = 10  # hosts of an environment
ANSWER = 0.015  # seconds until a healthy engine has answered: three calls over a kept TLS connection
SILENCE = (5.0, 2.0)  # seconds until one that is silent is given up, the first time and soon after
STAGES = (StageName.CHECKOUT, StageName.BUILD, StageName.TEST, StageName.PUBLISH)
LOG = "".join(f"#{n} [stage {n % 7}] RUN a step that says what it does, at some length\n" for n in range(400))


@dataclass(frozen=True)
class Size:
    hosts: int
    services: int


def settings(size: Size) -> Settings:
    names = [f"web-{n}" for n in range(size.hosts)]
    hosts = {
        name: Host(name, f"tcp://10.0.{n >> 8}.{n & 255}:2376", "10.0.0.1") for n, name in enumerate(names)
    }
    front = Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2")
    services = {}
    for number in range(size.services):
        name, mine = (
            f"service-{number}",
            [names[(number * 5 + at) % len(names)] for at in range(min(ON, len(names)))],
        )
        place = Environment(
            name, "production", tuple(hosts[host] for host in mine), branches=("main",), proxy=front
        )
        test = Environment(name, "test", (hosts[mine[0]],), branches=("test",), proxy=front)
        repository = Repository(f"https://git.example.com/acme/{name}.git", "gitlab", f"acme/{name}")
        services[name] = Service(name, repository, environments={"production": place, "test": test})
    return Settings(hosts=hosts, proxies={"front": front}, services=services)


class LateEngines:
    """Each look takes as long as a real one; `silent` hosts never answer."""

    def __init__(self) -> None:
        self.silent: frozenset[str] = frozenset()
        self.given_up: set[str] = set()
        self.looks = 0

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        self.looks += 1
        if host.name in self.silent:
            time.sleep(SILENCE[host.name in self.given_up])
            self.given_up.add(host.name)
            return HostSeen(host.name, False, "no answer within 5 s")
        time.sleep(ANSWER)
        replica = ReplicaSeen("c", f"{service}-1", 1, 0, ReplicaState.RUNNING, "t0", "10.0.0.1:20000")
        return HostSeen(host.name, True, replicas=(replica,), free_bytes=10**11)


class QuietQueue:
    """Counts wakes."""

    def __init__(self) -> None:
        self.wakes = 0

    def wake_run(self, run_id: int, new: bool = False) -> None:
        self.wakes += 1

    def wake_deployment(self, deployment_id: int) -> None:
        self.wakes += 1

    def depth(self) -> int:
        return 0

    def workers(self) -> int:
        return 4


def ports_of(size: Size, store: Store, logs: Logs, artifacts: Any, engines: LateEngines) -> Ports:
    nothing: Any = None
    outside: Any = {
        "engines": engines,
        "queue": QuietQueue(),
        "notices": LogNotices(),
        "clock": SystemClock(),
    }
    unused: Any = dict.fromkeys(("source", "builder", "proxies", "probe", "metrics"), nothing)
    books = ("inbox", "leases", "runs", "releases", "deployments", "routes", "fleet", "tokens", "audit")
    more = ("users", "sessions", "freezes", "schedules", "figures", "pulse", "secrets", "roster")
    return Ports(
        settings=settings(size),
        forges=Forges(),
        balancers={},
        logs=logs,
        artifacts=artifacts,
        hands=ThreadHands(),
        **outside,
        **unused,
        **{name: getattr(store, name) for name in (*books, *more)},
    )


def bring_all_live(ports: Ports) -> None:
    """Release 1 of each service, in both environments."""
    for service in ports.settings.services.values():
        made = ports.releases.add(release(service=service.name))
        for place in service.environments.values():
            plans = tuple(HostPlan(host.name, replicas=1) for host in place.hosts)
            plain = deployment(made, service=service.name, environment=place.name, hosts=plans)
            _drive(replace(plain, release=made), ports)


def one_run(number: int, ports: Ports, store: Store) -> None:
    """All that a run writes from its webhook to its end, with a log of 30 kB and a body of 22 kB."""
    name = f"service-{number * 7919 % len(ports.settings.services)}"
    run = new_run(service=name, commit=f"{number:040x}")
    body = hook_body.request(number, "/hooks/gitlab").partition(b"\r\n\r\n")[2]
    came = delivery(f"d-{number}", runs=(run,), body=body, project=f"acme/{name}")
    (queued,) = store.inbox.receive(came).runs
    lease = store.leases.take(run_key(queued), "bench", 30.0)
    assert lease
    assert store.runs.begin(queued, lease)
    for stage in STAGES:
        begun = Stage(stage, StageStatus.RUNNING, started_at=datetime.now(UTC))
        store.runs.save_stage(queued, begun, lease)
        ports.logs.append(queued, stage.value, LOG[: len(LOG) // len(STAGES)])
        ports.logs.close(queued, stage.value)
        done = replace(begun, status=StageStatus.SUCCEEDED, finished_at=datetime.now(UTC))
        store.runs.save_stage(queued, done, lease)
    made = release(service=name, run=queued)
    hosts = ports.settings.services[name].environments["production"].hosts
    plans = tuple(HostPlan(host.name, replicas=1) for host in hosts)
    number = store.runs.hand_over(
        queued, made, deployment(made, service=name, hosts=plans, run=queued), lease
    )
    store.leases.give_back(lease)
    _finish(store.deployments.deployment(number), ports)


def _drive(plain: Deployment, ports: Ports) -> None:
    _finish(replace(plain, id=ports.deployments.create(plain)), ports)


def _finish(drafted: Deployment, ports: Ports) -> None:
    """Through its states, with a line of history for each host."""
    lease = ports.leases.take(deployment_key(drafted.id), "bench", 60.0)
    assert lease
    for status in (Status.PREPARING, Status.ROLLING, Status.SUCCEEDED):
        lines = [Happening(datetime.now(UTC), "phase", f"now {status}", plan.host) for plan in drafted.hosts]
        ports.deployments.save(replace(drafted, status=status), lines, lease)
    ports.leases.give_back(lease)
