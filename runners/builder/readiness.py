"""Waits until a container beside the tests can be used: by the check that the repository names, its
own, or until its first port is listened on.

The port is looked at from inside: an onlooker of the tests' own image shares the container's network and reads who listens.
A connect from here would say little: the engine may be elsewhere, and some networks accept every connection.
"""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.delivery.report import ServiceContainer
from pipeline.errors import StageFailed
from runners.builder.talking import GLANCE, Api, Guard

PATIENCE = 30.0  # for a port that nobody asked for; after it the tests begin all the same
LINES, QUOTED = 30, 3  # of a container's log, in ours and in the sentence
SECOND = 1_000_000_000  # in the engine's unit
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


@dataclass(frozen=True)
class Beside:
    """A service container that was started."""

    name: str
    container: str
    service: ServiceContainer
    onlook: Onlook

    def __str__(self) -> str:
        return f"The container {self.name} beside the tests"


def of_service(service: ServiceContainer) -> dict[str, Any]:
    """How its container is made. Its command goes to the image's entrypoint, as with `docker run`."""
    found: dict[str, Any] = {"environment": dict(service.env)}
    if service.command:
        found["command"] = shlex.split(service.command)
    if service.health and not service.health.isdigit():
        found["healthcheck"] = {
            "test": ["CMD-SHELL", service.health],
            "interval": SECOND,
            "timeout": 5 * SECOND,
            "retries": 3,
            "start_period": int(service.deadline * SECOND),  # until then no failure counts
        }
    if service.health.isdigit():
        found["healthcheck"] = {"test": ["NONE"]}
    return found


def wait_until_ready(api: Api, beside: Beside, guard: Guard, log: Callable[[str], None]) -> None:
    """Raises `StageFailed` when the container ended, calls itself unhealthy, or is not ready in time."""
    wanted = beside.service.health
    until = time.monotonic() + (beside.service.deadline if wanted else PATIENCE)
    seen = _alive(api, beside, log)
    checked = bool(seen["State"].get("Health"))
    port = int(wanted) if wanted.isdigit() else 0 if checked else _port(seen)
    onlooker = beside.onlook(port) if port else ""
    seen = _alive(api, beside, log)
    if port and not onlooker:
        log(
            f"[shipway] Nobody can see whether {beside.name} listens: the tests' image has no sh. They begin at once.\n"
        )
    while not (_healthy(seen) and _listens(api, onlooker)):
        if time.monotonic() > until and (wanted or onlooker):
            _give_up(api, beside, port, seen, log)
            return
        guard.check()
        time.sleep(GLANCE)
        seen = _alive(api, beside, log)


def _give_up(api: Api, beside: Beside, port: int, seen: dict[str, Any], log: Callable[[str], None]) -> None:
    """A health that the repository asked for is binding; a port that an image happens to expose is not."""
    if not beside.service.health:
        log(
            f"[shipway] {beside.name} does not listen on {port} after {PATIENCE:.0f} s; the tests begin anyway.\n"
        )
        return
    what = f"does not listen on {port}" if port else f"is not healthy by `{beside.service.health}`"
    looks = (seen["State"].get("Health") or {}).get("Log") or []
    said = " ".join(str(looks[-1].get("Output", "")).split())[:200] if looks else ""
    last = f" The check said: {said}." if said else ""
    raise StageFailed(
        f"{beside} {what} after {beside.service.deadline:g} s.{last}{_last_lines(api, beside, log)} "
        f"Mend it, or raise test.services.{beside.name}.deadline."
    )


def _last_lines(api: Api, beside: Beside, log: Callable[[str], None]) -> str:
    """Into the log, and the very last of them into the sentence."""
    text = api.logs(beside.container, tail=LINES).decode("utf-8", "replace")
    log(text if text.endswith("\n") or not text else f"{text}\n")
    lines = [" ".join(line.split())[:160] for line in text.splitlines() if line.strip()][-QUOTED:]
    return f" Its last lines: {' / '.join(lines)}." if lines else " It wrote nothing."


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


def _alive(api: Api, beside: Beside, log: Callable[[str], None]) -> dict[str, Any]:
    seen: dict[str, Any] = api.inspect_container(beside.container)
    state = seen["State"]
    sick = (state.get("Health") or {}).get("Status") == "unhealthy"
    if state["Running"] and not sick:
        return seen
    what = "is unhealthy" if sick else f"ended with exit code {state['ExitCode']}"
    raise StageFailed(f"{beside} {what} before they began.{_last_lines(api, beside, log)}")
