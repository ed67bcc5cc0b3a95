"""One small fleet behind the HTTP side: the real store in SQLite, real logs, and tiny stand-ins of the outside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from pipeline.errors import NotFound, Unreachable
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import BackendSeen, BackendState, Proxy, ProxyKind, Site, SiteSeen
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.ports import Ports
from pipeline.rollout.observed import HostSeen, ReplicaSeen, ReplicaState
from pipeline.rollout.release import Release, RuntimeSpec
from pipeline.secret import Secret
from pipeline.settings import Settings
from pipeline.web.app import create_app
from runners.artifact_store import FileArtifacts
from runners.forges import Forges
from runners.log_store import FileLogs
from runners.store import Store
from tests.parts.books import books_of
from tests.parts.empty_store import empty_store

SECRET = "hook-secret"
DB_PASSWORD = "database-password-of-production"
COMMIT = "c" * 40
DIGEST = "sha256:" + "d" * 64


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Nobody waits in a test."""


class Hands:
    def each(self, jobs: Any) -> list[Any]:
        return [job() for job in jobs]


@dataclass
class Queue:
    woken: list[str] = field(default_factory=list)
    down: bool = False
    alive: int = 1

    def wake_run(self, run_id: int, new: bool = False) -> None:
        self._check()
        self.woken.append(f"run {run_id}")

    def wake_deployment(self, deployment_id: int) -> None:
        self._check()
        self.woken.append(f"deployment {deployment_id}")

    def depth(self) -> int:
        self._check()
        return len(self.woken)

    def workers(self) -> int:
        self._check()
        return self.alive

    def _check(self) -> None:
        if self.down:
            raise Unreachable("Redis at redis://:password@10.0.0.9 does not answer.")


class Source:
    def resolve(self, repository: Repository, ref: str) -> tuple[str, str, str]:
        if ref != "main":
            raise NotFound(f"{repository.project} has no branch, tag or commit {ref!r}.")
        return "branch", ref, COMMIT


@dataclass
class Engines:
    """web-1 runs one replica of release 1; web-2 does not answer."""

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        if host.name == "web-2":
            return HostSeen(host.name, False, "connection refused")
        replica = ReplicaSeen("abc", "shop-1", 1, 0, ReplicaState.RUNNING, "t0", f"{host.address}:20000")
        return HostSeen(host.name, True, replicas=(replica,), free_bytes=10**10)


@dataclass
class Proxies:
    """Serves our replica, and one of somebody else."""

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        backends = (
            BackendSeen(f"{host.address}:20000", BackendState.READY, 3),
            BackendSeen(f"{host.address}:29999", BackendState.READY, 1),
        )
        return SiteSeen(Site(proxy.name, host.name), True, 7, backends)


@dataclass(frozen=True)
class House:
    """Everything a test may want to look at."""

    ports: Ports
    store: Store
    queue: Queue
    logs: FileLogs
    database: Path

    def token(self, role: str, *scopes: str, name: str = "") -> dict[str, str]:
        text = self.store.tokens.create(
            name or f"{role}-of-{'-'.join(scopes).replace('/', '.') or 'all'}", role, scopes
        )
        return {"Authorization": f"Bearer {text}"}

    def release(self, environment: str = "production") -> Release:
        spec = RuntimeSpec(env={"LOG": "info"}, secrets={"DB_URL": Secret(DB_PASSWORD)})
        return self.store.releases.add(
            Release("shop", 0, f"10.0.0.1:5000/shop@{DIGEST}", COMMIT, "main", spec, environment)
        )


def settings() -> Settings:
    hosts = {f"web-{n}": Host(f"web-{n}", f"unix:///run/{n}.sock", f"10.0.0.{n}") for n in (1, 2)}
    front = Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2")
    services = {name: _service(name, tuple(hosts.values()), front) for name in ("shop", "blog")}
    return Settings(hosts=hosts, proxies={"front": front}, services=services)


def _service(name: str, hosts: tuple[Host, ...], front: Proxy) -> Service:
    url = f"https://robot:{SECRET}@git.example.com/acme/{name}.git"
    repository = Repository(url, "gitlab", f"acme/{name}", Secret(SECRET))
    environments = {
        "test": Environment(name, "test", hosts[:1], branches=("test",)),
        "production": Environment(
            name, "production", hosts, branches=("main",), tags=("v*",), replicas=2, proxy=front
        ),
    }
    return Service(name, repository, environments=environments)


@contextmanager
def house_in(folder: Path, settings: Settings) -> Iterator[House]:
    """With empty books, until the end."""
    store = empty_store(folder)
    queue, logs = Queue(), FileLogs(str(folder / "logs"))
    outside: Any = {"source": Source(), "engines": Engines(), "proxies": Proxies(), "hands": Hands()}
    unused: Any = {"builder": None, "balancers": {}, "probe": None, "metrics": None, "notices": None}
    ports = Ports(
        settings=settings,
        forges=Forges(),
        logs=logs,
        queue=queue,
        clock=Clock(),
        artifacts=FileArtifacts(str(folder / "artifacts")),
        **outside,
        **unused,
        **books_of(store),
    )
    try:
        yield House(ports, store, queue, logs, folder / "shipway.db")
    finally:
        store.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path, settings()) as made:
        yield made


@pytest.fixture
def client(house: House) -> FlaskClient:
    return create_app(house.ports).test_client()


@pytest.fixture
def as_role(house: House) -> Callable[..., dict[str, str]]:
    return house.token
