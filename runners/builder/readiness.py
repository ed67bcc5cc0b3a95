"""Waits until a container beside the tests can be used: by its own health check, else until its first port is listened on.

The port is looked at from inside: an onlooker of the tests' own image shares the container's network and reads who listens.
A connect from here would say little: the engine may be elsewhere, and some networks accept every connection.
"""

import time
from collections.abc import Callable
from typing import Any

from pipeline.errors import StageFailed
from runners.builder.talking import GLANCE, Api, Guard

PATIENCE = 30.0  # for a port; a health check says itself when it gives up
LINES = 30
# $1 the port in hex, as /proc/net/tcp writes it; 0A there means listening. Words of the shell alone, but for sleep.
LISTENS = """
while :; do
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r $table ] || continue
    while read -r _ here _ state _; do
      case "$here $state" in *":$1 0A") exit 0 ;; esac
    done <$table
  done
  sleep 0.2 || exit 97
done
"""

Onlook = Callable[
    [int], str
]  # a port; starts the onlooker, "" when its image cannot do it or the container ended


def wait_until_ready(
    api: Api, container: str, name: str, onlook: Onlook, guard: Guard, log: Callable[[str], None]
) -> None:
    """Raises `StageFailed` when the container ended or calls itself unhealthy."""
    until = time.monotonic() + PATIENCE
    seen = _alive(api, container, name, log)
    port = 0 if seen["State"].get("Health") else _port(seen)
    onlooker = onlook(port) if port else ""
    seen = _alive(api, container, name, log)
    if port and not onlooker:
        log(
            f"[shipway] Nobody can see whether {name} listens: the tests' image has no sh. They begin at once.\n"
        )
    while not (_healthy(seen) and _listens(api, onlooker)):
        if onlooker and time.monotonic() > until:
            log(
                f"[shipway] {name} does not listen on {port} after {PATIENCE:.0f} s; the tests begin anyway.\n"
            )
            return
        guard.check()
        time.sleep(GLANCE)
        seen = _alive(api, container, name, log)


def _port(seen: dict[str, Any]) -> int:
    """The lowest TCP port that the image exposes; 0: none."""
    exposed = seen["Config"].get("ExposedPorts") or {}
    return min((int(p.partition("/")[0]) for p in exposed if p.endswith("/tcp")), default=0)


def _healthy(seen: dict[str, Any]) -> bool:
    """By its own word; one without a health check has nothing to say."""
    health = seen["State"].get("Health")
    return not health or health["Status"] == "healthy"


def _listens(api: Api, onlooker: str) -> bool:
    """The onlooker ends when somebody listens, or when it cannot look."""
    return not onlooker or not api.inspect_container(onlooker)["State"]["Running"]


def _alive(api: Api, container: str, name: str, log: Callable[[str], None]) -> dict[str, Any]:
    seen: dict[str, Any] = api.inspect_container(container)
    state = seen["State"]
    sick = (state.get("Health") or {}).get("Status") == "unhealthy"
    if state["Running"] and not sick:
        return seen
    log(api.logs(seen["Id"], tail=LINES).decode("utf-8", "replace"))
    what = "is unhealthy" if sick else f"ended with exit code {state['ExitCode']}"
    raise StageFailed(
        f"The container {name} beside the tests {what} before they began; its last lines are in the log."
    )
