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

ASKED = 2  # containers of a kind


def free_bytes(client: docker.APIClient, host: Host, root: str) -> int | None:
    if host.engine.startswith("unix:"):
        return _of_folder(root)
    try:
        with speaking(host, "ask for its free disk space"):
            return _of_containers(client, host)
    except RunnerError:
        return None


def _of_folder(root: str) -> int | None:
    if not root or not Path(root).is_dir():
        return None
    disk = os.statvfs(root)
    return disk.f_bavail * disk.f_frsize


def _of_containers(client: docker.APIClient, host: Host) -> int | None:
    """Not every image has `df`: the first few are asked."""
    for label in (PROXY, REPLICA):
        found: list[dict[str, Any]] = client.containers(
            filters={"label": [label, f"{HOST}={host.name}"], "status": "running"}
        )
        for container in found[:ASKED]:
            room = _said(client, str(container["Id"]))
            if room is not None:
                return room
    return None


def _said(client: docker.APIClient, container: str) -> int | None:
    made = client.exec_create(container, ["df", "-Pk", "/"])["Id"]
    try:
        words = bytes(client.exec_start(made)).decode(errors="replace").split()
    except docker.errors.APIError:
        return None  # no such program there
    return int(words[-3]) * 1024 if len(words) >= 6 and words[-3].isdigit() else None
