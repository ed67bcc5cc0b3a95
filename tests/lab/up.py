"""Brings a lab up, or completes one that is half up. Running it twice changes nothing."""

import fcntl
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from tests.lab import certificates, daemons, engine, images, kernel, network, registry, shared, shell_host
from tests.lab.commands import LabError, say
from tests.lab.layout import Lab, cache, free_port, load, widened
from tests.lab.needs import LAB, install
from tests.lab.recipes import RECIPES

SUBNET = IPv4Network("10.78.0.0/24")


def up(state: Path, hosts: int, tls: bool, ssh: bool, subnet: IPv4Network = SUBNET) -> None:
    """Everything, ready to be used when this returns; `lab.json` in the state directory says where it is."""
    if os.geteuid() != 0 or not network.possible():
        shared.up(state, hosts)
        return
    install(LAB + (("sshd", "ssh") if ssh else ()) + (("openssl",) if tls else ()))
    kernel.prepare()
    with _alone():
        lab = _laid_out(state, hosts, tls, ssh, subnet)
        network.build(lab)
    say(f"{lab.bridge} {lab.subnet}: {len(lab.machines)} namespaces")
    _start(lab)
    _fill(lab)
    say(f"lab {lab.name} is up: {hosts_line(lab)}; {state}/lab.json")


def hosts_line(lab: Lab) -> str:
    return f"{lab.hosts} hosts, builder, registry {lab.registry}" + ", tls" * lab.tls + ", ssh" * lab.ssh


@contextmanager
def _alone() -> Iterator[None]:
    """Two labs that start at once must not choose the same network."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _laid_out(state: Path, hosts: int, tls: bool, ssh: bool, subnet: IPv4Network) -> Lab:
    lab = load(state)
    if lab is None:
        free = network.free_subnet(subnet)
        lab = Lab(state, free, free_port("0.0.0.0", 5000))
    lab = widened(lab, hosts, tls, ssh)
    lab.save()
    return lab


def _start(lab: Lab) -> None:
    """All daemons at once, then wait for each."""
    if lab.tls:
        certificates.make(lab.state / "tls", next(m.address for m in lab.machines if m.kind == "tls"))
    for machine in lab.machines:
        daemons.start_engine(lab, machine)
        if machine.kind == "ssh":
            shell_host.start(lab, machine)
    daemons.start_registry(lab.state / "registry", lab.gateway, lab.registry_port)
    for machine in lab.machines:
        daemons.wait_engine(machine)
    registry.wait(lab.registry, lab.state / "registry/log")
    say("engines and registry answer")


def _fill(lab: Lab) -> None:
    """Base images into the registry, Python also under its public name on the builder; then lab.json."""
    folders = images.ready(cache())
    names = {recipe.name: recipe.repository for recipe in RECIPES}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: registry.put(lab.registry, folders[name], names[name]), names))
    builder = lab.machines[0]
    for alias in (
        "python:3.11-slim",
        "python:3.12-slim",
    ):  # so that ordinary Dockerfiles build with no public registry
        engine.pull(builder.socket, f"{lab.registry}/{names['python']}", alias)
    versions = {name: images.version(folder) for name, folder in folders.items()}
    write_facts(lab.state, _facts(lab, {n: f"{lab.registry}/{r}" for n, r in names.items()}, versions))
    say("images: " + ", ".join(f"{name} {version}" for name, version in versions.items()))


def write_facts(state: Path, facts: dict[str, object]) -> None:
    new = state / "lab.json.new"
    new.write_text(json.dumps(facts, indent=1))
    new.rename(state / "lab.json")


def _facts(lab: Lab, names: dict[str, str], versions: dict[str, str]) -> dict[str, object]:
    facts: dict[str, object] = {
        "mode": "namespaces",
        "name": lab.name,
        "state": str(lab.state),
        "subnet": str(lab.subnet),
        "hosts": [
            {"name": m.name, "engine": m.engine, "address": m.address, "socket": str(m.socket)}
            for m in lab.machines
            if m.kind == "plain"
        ],
        "builder": lab.machines[0].engine,
        "registry": lab.registry,
        "images": names,
        "versions": versions,
    }
    for machine in lab.machines:
        if machine.kind in {"tls", "ssh"}:
            facts[machine.kind] = {"name": machine.name, "engine": machine.engine, "address": machine.address}
            facts[machine.kind] |= {"socket": str(machine.socket)} | _keys(lab, machine.kind)  # type: ignore[operator]
    return facts


def _keys(lab: Lab, kind: str) -> dict[str, str]:
    return certificates.files(lab.state / "tls") if kind == "tls" else shell_host.files(lab.state / "ssh")


def check_root(state: Path) -> None:
    """Raised before anything is half removed."""
    if os.geteuid() != 0:
        raise LabError(f"{state} was made by root: run this as root")
