"""How much room an engine's disk has. The API has no figure for it: an engine on this machine is asked by its folder, another
by `df` in a container of ours that runs there, a proxy's before a replica's: its root lies on the engine's disk. Unknown is no
failure."""

import os
from pathlib import Path
from typing import Any

import docker
import docker.errors

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from runners.engine_errors import speaking
from runners.engines.labels import HOST, PROXY, REPLICA
from runners.exchange import room
from runners.line import Lines

ASKED = 2  # containers of a kind
PATIENCE = 5.0  # seconds


def free_bytes(client: docker.APIClient, lines: Lines, host: Host, root: str) -> int | None:
    if host.engine.startswith("unix:"):
        return _of_folder(root)
    try:
        return _of_containers(client, lines, host)
    except RunnerError:
        return None


def _of_folder(root: str) -> int | None:
    if not root or not Path(root).is_dir():
        return None
    disk = os.statvfs(root)
    return disk.f_bavail * disk.f_frsize


def _of_containers(client: docker.APIClient, lines: Lines, host: Host) -> int | None:
    """Not every image has `df`: the first few are asked. A proxy by the shell that it is asked other things by."""
    for name in _running(client, host, PROXY):
        found = _figure(room(lines, client, host, name, PATIENCE))
        if found is not None:
            return found
    for name in _running(client, host, REPLICA):
        found = _said(client, host, name)
        if found is not None:
            return found
    return None


def _running(client: docker.APIClient, host: Host, label: str) -> list[str]:
    wanted = {"label": [label, f"{HOST}={host.name}"], "status": "running"}
    with speaking(host, "ask for its free disk space"):
        found: list[dict[str, Any]] = client.containers(filters=wanted)
    return [str(container["Names"][0]).lstrip("/") for container in found[:ASKED]]


def _said(client: docker.APIClient, host: Host, container: str) -> int | None:
    with speaking(host, "ask for its free disk space"):
        made = client.exec_create(container, ["df", "-Pk", "/"])["Id"]
        try:
            return _figure(bytes(client.exec_start(made)).decode(errors="replace"))
        except docker.errors.APIError:
            return None  # no such program there


def _figure(text: str) -> int | None:
    words = text.split()
    return int(words[-3]) * 1024 if len(words) >= 6 and words[-3].isdigit() else None
