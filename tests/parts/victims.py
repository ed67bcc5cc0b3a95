"""What may die while Shipway works, killed and brought back: its own processes, the registry, a host's engine, a host's
network."""

import os
import signal

from tests.parts.house import House
from tests.parts.outages import registry_down
from tests.parts.pushes import history, reached
from tests.parts.small_host import SmallHost

PROCESSES = {"scheduler": "scheduler", "web": "server", "redis": "redis"}


def kill(house: House, part: str) -> None:
    """kill -9, and there again: the supervisor starts Shipway's own, the test starts the registry."""
    if part == "registry":
        with registry_down(house.lab, signal.SIGKILL):
            return
    before = house.pid(PROCESSES[part])
    os.kill(before, signal.SIGKILL)
    house.until(f"another {part}", lambda: house.pid(PROCESSES[part]) != before, 20, house.log)


def lose(house: House, small: SmallHost, part: str, deployment: int) -> None:
    """The host's engine or network goes, and comes back when the deployment has noticed."""
    away = {"engine": small.engine_killed, "network": small.unplugged}[part]
    host = small.host.name
    before = history(house.get(f"/deployments/{deployment}"), host).count("lost")
    with away():
        reached(house, deployment, "lost", host, before + 1)
