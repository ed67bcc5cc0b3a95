"""How much room an engine's disk has. The API has no figure for it: an engine on this machine is asked by its folder, another
by `df` in a proxy container of ours that runs there, whose root lies on the engine's disk. Unknown is no failure."""

import os
from pathlib import Path
from typing import Any

import docker

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from runners.engine_errors import speaking
from runners.engines.labels import HOST, PROXY


def free_bytes(client: docker.APIClient, host: Host, root: str) -> int | None:
    if host.engine.startswith("unix:"):
        return _of_folder(root)
    try:
        with speaking(host, "ask for its free disk space"):
            return _of_proxy(client, host)
    except RunnerError:
        return None


def _of_folder(root: str) -> int | None:
    if not root or not Path(root).is_dir():
        return None
    disk = os.statvfs(root)
    return disk.f_bavail * disk.f_frsize


def _of_proxy(client: docker.APIClient, host: Host) -> int | None:
    found: list[dict[str, Any]] = client.containers(
        filters={"label": [PROXY, f"{HOST}={host.name}"], "status": "running"}
    )
    if not found:
        return None
    made = client.exec_create(found[0]["Id"], ["df", "-Pk", "/"])["Id"]
    words = bytes(client.exec_start(made)).decode(errors="replace").split()
    return int(words[-3]) * 1024 if len(words) >= 6 and words[-3].isdigit() else None
