"""The lab without root or network namespaces: three host entries that share one engine, and a registry on 127.0.0.1.
Only containers that carry one of these hosts' names as `shipway.host` are ours."""

import http.client
import json
import os
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import daemons, engine, images, packages, registry
from tests.lab.commands import LabError, run, say
from tests.lab.layout import cache, free_port
from tests.lab.needs import present
from tests.lab.recipes import RECIPES

_LOCAL = "127.0.0.1"
_PYTHON = "python:3.11-slim"
_BEFORE = "shipway-lab/before:python"  # what bore that name before the lab came


def up(state: Path, hosts: int) -> None:
    """Everything ready, lab.json written."""
    sock = _engine()
    say(f"no root or no network namespaces here: {hosts} host entries share the engine at {sock}")
    state.mkdir(parents=True, exist_ok=True)
    port = _registry(state)
    address = f"{_LOCAL}:{port}"
    folders = images.ready(cache())
    names = {recipe.name: recipe.repository for recipe in RECIPES}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: registry.put(address, folders[name], names[name]), names))
    if not (state / "lab.json").exists():
        engine.tag(sock, _PYTHON, _BEFORE)
    engine.pull(sock, f"{address}/{names['python']}", _PYTHON)
    facts = {
        "mode": "shared",
        "name": state.name,
        "state": str(state),
        "hosts": [
            {"name": f"{state.name}-{i + 1}", "engine": f"unix://{sock}", "address": _address(sock)}
            for i in range(hosts)
        ],
        "builder": f"unix://{sock}",
        "registry": address,
        "images": {name: f"{address}/{repository}" for name, repository in names.items()},
        "versions": {name: images.version(folder) for name, folder in folders.items()},
    }
    (state / "lab.json").write_text(json.dumps(facts, indent=1))
    say(f"lab is up: {hosts} entries for one engine, registry {address}; {state}/lab.json")


def down(state: Path) -> bool:
    """True when there was such a lab; it is gone then."""
    try:
        facts = json.loads((state / "lab.json").read_text())
    except FileNotFoundError:
        return False
    if facts["mode"] != "shared":
        return False
    sock = Path(facts["builder"].removeprefix("unix://"))
    try:
        for host in facts["hosts"]:
            engine.remove_containers(sock, f"shipway.host={host['name']}")
        engine.untag(sock, _PYTHON)
        engine.tag(sock, _BEFORE, _PYTHON)
        engine.untag(sock, _BEFORE)
        engine.untag_all(sock, str(facts["registry"]))
    except (OSError, http.client.HTTPException) as error:
        say(f"the engine at {sock} does not answer ({error}): its containers stay")
    daemons.stop([p for p in [_registry_pid(state)] if p], seconds=10)
    shutil.rmtree(state)
    say(f"lab at {state} is gone")
    return True


def _engine() -> Path:
    named = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    sock = Path(named.removeprefix("unix://"))
    if named.startswith("unix://") and engine.answers(sock):
        return sock
    raise LabError(
        f"the lab needs root (it makes network namespaces), or a Docker engine that this user may use at {sock}: "
        "run this as root, or start Docker and add yourself to the group `docker`"
    )


def _address(sock: Path) -> str:
    """Where replicas publish their ports: an address of this machine that proxies in containers reach, too."""
    seen = engine.bridge_address(sock)
    try:
        socket.create_server((seen, 0)).close()
    except OSError:  # the engine is in another namespace or machine
        return _LOCAL
    return seen or _LOCAL


def _registry_pid(state: Path) -> int:
    return daemons.pid_of(state / "registry/pid", str(state / "registry/config.yml"))


def _registry(state: Path) -> int:
    """Port of our docker-registry; the program comes from PATH or, unpacked, from its Debian package."""
    facts = state / "lab.json"
    if _registry_pid(state) and facts.exists():
        return int(json.loads(facts.read_text())["registry"].rpartition(":")[2])
    if not present("docker-registry"):
        _unpack_registry(cache())
    port = free_port(_LOCAL, 5000)
    daemons.start_registry(state / "registry", _LOCAL, port)
    registry.wait(f"{_LOCAL}:{port}", state / "registry/log")
    return port


def _unpack_registry(place: Path) -> None:
    suite = packages.open_suite("own", place)
    files = [
        name for name in packages.resolve(suite, ("docker-registry",)) if name.startswith("docker-registry_")
    ]
    deb = packages.download(suite, files, place / "debs-own")[0]
    run(["dpkg-deb", "-x", str(deb), str(place / "docker-registry")])
    os.environ["PATH"] = f"{place / 'docker-registry/usr/bin'}:{os.environ['PATH']}"
