"""A world for the flow: real books in a fresh file, everything outside in memory, a clock that only moves when asked."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.delivery.deliver import deliver
from pipeline.delivery.run import NewRun
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.lease import run_key
from pipeline.ports import Ports
from pipeline.secret import Secret
from pipeline.settings import Settings
from runners.stand_ins.delivery import MemoryBuilder, MemoryLogs, MemorySource
from tests.parts.books import books_of
from tests.parts.empty_store import empty_store

COMMIT = "a" * 40
DOCKERFILE = "FROM busybox\nCMD true\n"


@dataclass
class SteppedClock:
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


@dataclass
class Queue:
    woken: list[int] = field(default_factory=list)

    def wake_run(self, run_id, new=False): ...

    def wake_deployment(self, deployment_id):
        self.woken.append(deployment_id)


@dataclass
class World:
    """`go()` is one attempt of one worker at the one run."""

    ports: Ports
    source: MemorySource
    builder: MemoryBuilder
    logs: MemoryLogs
    queue: Queue
    store: object
    told: list[str]
    run_id: int = 0

    def queued(self, commit=COMMIT, requested_by="push:ada", **changes):
        new = NewRun("shop", "production", "branch", "main", commit, requested_by)
        self.run_id = self.store.runs.add(replace(new, **changes)).id
        return self

    def go(self, stop=lambda: False):
        lease = self.store.leases.take(run_key(self.run_id), "me", 60.0)
        try:
            assert self.store.runs.begin(self.run_id, lease)
            deliver(self.run_id, lease, stop, self.ports)
        finally:
            self.store.leases.give_back(lease)
        return self.run

    @property
    def run(self):
        return self.store.runs.run(self.run_id)

    @property
    def log(self):
        return self.logs.read(self.run_id)[0].decode()

    @property
    def statuses(self):
        return [stage.status.value for stage in self.run.stages]


@pytest.fixture
def world(tmp_path):
    host = Host("web-1", "unix:///x", "10.0.0.1")
    production = Environment(
        "shop",
        "production",
        (host,),
        branches=("main",),
        env={"LOG": "info"},
        secrets={"DB": Secret("s3cr3t!")},
    )
    shop = Service(
        "shop", Repository("https://git.example.com/acme/shop.git"), environments={"production": production}
    )
    settings = Settings(
        registry=RegistryAccess("registry:5000", "acme"), hosts={"web-1": host}, services={"shop": shop}
    )
    store = empty_store(tmp_path)
    source, builder = MemorySource({COMMIT: {"Dockerfile": DOCKERFILE}}), MemoryBuilder()
    logs, queue, told = MemoryLogs(), Queue(), []
    ports = Ports(
        settings=settings,
        forges={},
        **books_of(store),
        logs=logs,
        queue=queue,
        source=source,
        builder=builder,
        engines=None,
        proxies=None,
        balancers={},
        probe=None,
        metrics=None,
        hands=None,
        clock=SteppedClock(),
        notices=SimpleNamespace(tell=lambda title, text: told.append(f"{title}: {text}")),
    )
    yield World(ports, source, builder, logs, queue, store, told).queued()
    store.close()
