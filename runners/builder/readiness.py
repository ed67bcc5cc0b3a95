"""Waits until a container beside the tests can be used: by its own health check, else by a connect to its first port.

The connect is only tried where the engine is on this machine; elsewhere the tests begin at once. Never starts anything.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from pipeline.errors import StageFailed
from pipeline.fleet.host import Host
from runners.builder.talking import GLANCE, Api, Guard

PATIENCE = 30.0  # for a port; a health check says itself when it gives up
LINES = 30


def wait_until_ready(
    api: Api, container: str, name: str, host: Host, guard: Guard, log: Callable[[str], None]
) -> None:
    """Raises `StageFailed` when the container ended or calls itself unhealthy."""
    until = time.monotonic() + PATIENCE
    while True:
        guard.check()
        seen = api.inspect_container(container)
        _refuse_dead(api, seen, name, log)
        ready = _ready(seen, host)
        if ready:
            return
        if ready is None and time.monotonic() > until:
            log(
                f"[shipway] {name} does not accept connections after {PATIENCE:.0f} s; the tests begin anyway.\n"
            )
            return
        time.sleep(GLANCE)


def _ready(seen: dict[str, Any], host: Host) -> bool | None:
    """None: not yet, by the port. False: not yet, by its own word."""
    health = seen["State"].get("Health")
    if health:
        return bool(health["Status"] == "healthy")
    ports = sorted(int(p.partition("/")[0]) for p in seen["Config"].get("ExposedPorts") or {} if "/tcp" in p)
    networks = seen["NetworkSettings"]["Networks"].values()
    address = next((network["IPAddress"] for network in networks if network["IPAddress"]), "")
    if not ports or not address or not host.engine.startswith("unix:"):
        return True
    try:
        socket.create_connection((address, ports[0]), GLANCE).close()
    except OSError:
        return None
    return True


def _refuse_dead(api: Api, seen: dict[str, Any], name: str, log: Callable[[str], None]) -> None:
    state = seen["State"]
    sick = (state.get("Health") or {}).get("Status") == "unhealthy"
    if state["Running"] and not sick:
        return
    log(api.logs(seen["Id"], tail=LINES).decode("utf-8", "replace"))
    what = "is unhealthy" if sick else f"ended with exit code {state['ExitCode']}"
    raise StageFailed(
        f"The container {name} beside the tests {what} before they began; its last lines are in the log."
    )
