"""A Shipway's way from a commit to a digest, on the lab's builder and registry; nobody drives its deployments."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker

from pipeline.delivery.deliver import deliver
from pipeline.delivery.run import NewRun, Run
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.lease import run_key
from pipeline.ports import Ports
from pipeline.secret import Secret
from pipeline.settings import BuilderSettings, Settings
from runners.artifact_store import FileArtifacts
from runners.builder import EngineBuilder
from runners.clock import SystemClock
from runners.log_store import FileLogs
from runners.source import GitSource
from runners.store import Store
from tests.parts.books import books_of
from tests.parts.empty_store import empty_store
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository

HANGING = f"hanging-e4-{os.getpid()}"  # others may run such tests beside us
HANG = f"sh -c 'while true; do sleep 1; done' {HANGING}"  # a mark that stays visible in the list of processes


@dataclass
class Works:
    """`go()` is one worker's attempt at the newest commit."""

    ports: Ports
    store: Store
    engine: Any
    repository: SampleRepository
    service: str
    busybox: str
    woken: list[int] = field(default_factory=list)
    run_id: int = 0

    def push(self, dockerfile: str, **files: str) -> "Works":
        if self.run_id and not self.run.over:  # it waits for a deployment that nobody drives here
            self.store.runs.finish(self.run_id, "succeeded", "", None)
        text = dockerfile.replace("BUSYBOX", self.busybox)
        text = re.sub(r"(?m)\A(#.*\n)?(FROM .*\n)", rf"\1\2ENV E4={self.service}\n", text, count=1)
        commit = self.repository.commit(
            str(time.time_ns()), **{"Dockerfile": text, ".shipway.yml": "", **files}
        )
        self.repository.push()
        self.run_id = self.store.runs.add(
            NewRun(self.service, "production", "branch", "main", commit, "push:ada")
        ).id
        return self

    def go(self, stop: Callable[[], bool] = lambda: False) -> Run:
        lease = self.store.leases.take(run_key(self.run_id), "me", 600.0)
        assert lease
        try:
            assert self.store.runs.begin(self.run_id, lease)
            deliver(self.run_id, lease, stop, self.ports)
        finally:
            self.store.leases.give_back(lease)
        return self.run

    @property
    def run(self) -> Run:
        return self.store.runs.run(self.run_id)

    @property
    def log(self) -> str:
        return self.ports.logs.read(self.run_id, 0, 1 << 26)[0].decode()

    def left(self) -> list[str]:
        """Containers, networks, unnamed images and work trees of the run, and processes of its steps."""
        ours = {"label": [f"shipway.service={self.service}"]}
        found = [c["Names"][0] for c in self.engine.containers(all=True, filters=ours)]
        found += [c["Names"][0] for c in self.engine.containers(all=True) if HANGING in c["Command"]]
        found += [n["Name"] for n in self.engine.networks(filters=ours)]
        for image in self.engine.images(filters={"dangling": True}):  # steps of failed builds have no labels
            found += [image["Id"]] if f"E4={self.service}" in self.environment(image["Id"]) else []
        data = Path(self.ports.settings.server.data)
        found += [str(tree) for tree in (data / "git" / "trees").glob("*")]
        return found + [line for line in processes() if HANGING in line]

    def environment(self, image: str) -> list[str]:
        try:
            return self.engine.inspect_image(image)["Config"]["Env"] or []
        except docker.errors.NotFound:
            return []


def processes() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue  # it ended while we looked
    return found


def works_in(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository, buildkit: bool, secrets: dict[str, Secret]
) -> Iterator[Works]:
    service = f"e4-{os.getpid()}-{time.time_ns() % 1_000_000}"
    data = tmp_path / "data"
    host = Host("web-1", lab.hosts[0].engine, lab.hosts[0].address)
    production = Environment(service, "production", (host,), branches=("main",), secrets=secrets)
    settings = Settings(
        registry=RegistryAccess(lab.registry, "e4", insecure=True),
        builder=BuilderSettings(lab.builder, timeout=120.0),
        hosts={"web-1": host},
        services={
            service: Service(service, Repository(str(shop.remote)), environments={"production": production})
        },
    )
    settings = replace(settings, server=replace(settings.server, data=str(data)))
    store = empty_store(tmp_path)
    artifacts = FileArtifacts(str(data / "artifacts"))
    builder = EngineBuilder(settings.builder, settings.registry, buildkit=buildkit, artifacts=artifacts)
    woken: list[int] = []
    outside: dict[str, Any] = {
        **{"engines": None, "proxies": None, "balancers": {}, "probe": None, "metrics": None, "hands": None},
        "queue": type("Queue", (), {"wake_deployment": lambda _, number: woken.append(number)})(),
        "notices": type("Notices", (), {"tell": lambda *_: None})(),
    }
    ports = Ports(
        settings=settings,
        forges={},
        **books_of(store),
        logs=FileLogs(str(data / "logs")),
        source=GitSource(str(data), os.environ),
        builder=builder,
        clock=SystemClock(),
        artifacts=artifacts,
        **outside,
    )
    engine = docker.APIClient(base_url=lab.builder, version="1.41")
    engine.trust_env = False
    yield Works(ports, store, engine, shop, service, lab.images["busybox"], woken)
    for image in engine.images(filters={"label": f"shipway.service={service}"}):
        engine.remove_image(image["Id"], force=True)
    engine.close()
    builder.close()
    store.close()


def eventually_nothing(works: Works) -> None:
    """The engine takes a moment to bury a step that it killed."""
    until = time.monotonic() + 5
    while works.left() and time.monotonic() < until:
        time.sleep(0.2)
    assert works.left() == []
