"""A login for a registry is used by every engine and stays on none: pushed and pulled with it, then searched for everywhere."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.live.test_canary import Onlooker, everything, of_processes
from tests.parts.aliyun_registry import registry_api
from tests.parts.balancers.aws_server import aws_server
from tests.parts.balancers.faults import Faults
from tests.parts.canaries import Canaries
from tests.parts.guarded_registry import GuardedRegistry, guarded_registry
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import pushed
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live

LARGEST = 16 << 20  # bytes of a file that is searched
OF_MOTO = "123456789012-auth-token"  # what its GetAuthorizationToken lends


class Login:
    """One kind of login: what stands in shipway.yml, and what engines are given of it."""

    def __init__(self, kind: str, canary: Canaries, stack: ExitStack) -> None:
        self.username, self.password = "robot", canary.plain("password")
        self.auth: dict[str, Any] = {"kind": "basic", "username": self.username, "password": self.password}
        if kind == "ecr":
            url, _ = stack.enter_context(aws_server(Faults()))
            self.username, self.password = "AWS", canary.values.setdefault("lent", OF_MOTO)
            keys = {"username": "AKIA1", "password": canary.plain("key")}
            self.auth = {"kind": "ecr", "region": "eu-central-1", "endpoint": url, **keys}
        if kind == "acr":
            server = stack.enter_context(registry_api())
            self.username, self.password = "cr_temp_user", canary.plain("lent")
            server.login = lambda: (self.username, self.password, 4102444800000)  # type: ignore[method-assign]
            given = {"region": "cn-hangzhou", "instance": "cri-acme0001", "endpoint": server.url}
            self.auth = {"kind": "acr", "username": "AKID", "password": "AKSECRET", **given}


@pytest.mark.parametrize("kind", ["basic", "ecr", "acr"])
def test_login_for_a_registry_stays_on_no_host(
    kind: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, home = Canaries(), tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    lab = lab.first(1)
    with ExitStack() as stack:
        login = Login(kind, canary, stack)
        host = lab.registry.rpartition(":")[0]
        guard = guarded_registry(tmp_path / "registry", host, login.username, login.password)
        registry = stack.enter_context(guard)
        house = stack.enter_context(ending(House(tmp_path / "house", lab, shop.remote)))
        house.config["registry"] |= {"address": registry.address, "auth": login.auth}

        with Onlooker() as watched:
            house.start()
            run = pushed(house, shop, "v1")
            found = everything(house, watched)
        found |= {f"{name}": list(texts) for name, texts in of_hosts(house, home).items()}

        assert run["status"] == "succeeded", run
        demand_that_it_was_used(registry, house, login)
        assert kind == "acr" or canary.found([house.file.read_bytes()])  # the search finds what is there
        assert all(texts for name, texts in found.items() if name != "home"), {
            k: len(v) for k, v in found.items()
        }
        assert {place: canary.found(texts) for place, texts in found.items()} == {
            place: set() for place in found
        }


def demand_that_it_was_used(registry: GuardedRegistry, house: House, login: Login) -> None:
    """Nothing is proved by a login that nobody needed."""
    assert registry.status() == 401
    assert registry.status(f"{login.username}:{login.password}") == 200
    assert registry.admitted("PUT", house.service)
    pullers = {line.split()[0] for line in registry.admitted("GET", house.service)}
    assert {host.address for host in house.lab.hosts} <= pullers


def of_hosts(house: House, home: Path) -> dict[str, Iterator[bytes]]:
    """What lies on the hosts: what engines keep, what they say of containers and images, what their processes hold."""
    machines = [house.lab.state / name for name in ("builder", *(host.name for host in house.lab.hosts))]
    engines = {host.engine for host in house.lab.hosts} | {house.lab.builder}
    return {
        "home": files_below(home),
        "settings of the user": files_below(Path("/root/.docker"), optional=True),
        "engines' folders": (text for machine in machines for text in files_below(machine)),
        "containers": (text for engine in engines for text in of_containers(engine)),
        "environments of processes": of_processes("environ", *children_of_engines(machines)),
    }


def files_below(folder: Path, optional: bool = False) -> Iterator[bytes]:
    """All but what the layers of images hold, which `images` and their archives are searched for."""
    if optional:
        yield b"-"
    for path in folder.rglob("*"):
        if {"diff", "merged", "rootfs"} & set(path.parts) or path.is_symlink() or not path.is_file():
            continue
        try:
            if path.stat().st_size <= LARGEST:
                yield path.read_bytes()
        except OSError:
            continue  # it went while we looked


def of_containers(engine: str) -> Iterator[bytes]:
    client = docker.APIClient(base_url=engine, version="auto")
    yield json.dumps(client.info()).encode()
    for container in client.containers(all=True):
        known = client.inspect_container(container["Id"])
        yield json.dumps(known).encode()
        if known["HostConfig"]["LogConfig"]["Type"] != "none":
            yield client.logs(container["Id"], tail=500)
    client.close()


def children_of_engines(machines: list[Path]) -> list[int]:
    """Engines and all that they started: containerd, shims, replicas."""
    roots = {int((machine / "pid").read_text()) for machine in machines}
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})
