"""What the hosts' engines say, looked at now and then beside the scrapes: a host that does not answer never delays one.

Looked at only while somebody scrapes, once in half a minute at most. Decides nothing.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.observed import HostSeen, ReplicaState

EVERY = 30.0  # seconds

Place = tuple[str, str]


@dataclass(frozen=True)
class Seen:
    reachable: Mapping[str, bool] = field(default_factory=dict)  # host -> whether its engine answers
    running: Mapping[tuple[str, str, int], int] = field(default_factory=dict)  # service, environment, release


class Sighting:
    """`latest` starts a look when the last is old, and answers with what the one before it saw."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._seen: Seen | None = None
        self._due = 0.0
        self._lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def latest(self) -> Seen | None:
        """None: nothing was seen yet."""
        with self._lock:
            idle = self.thread is None or not self.thread.is_alive()
            if idle and time.monotonic() >= self._due:
                self._due = time.monotonic() + EVERY
                self.thread = threading.Thread(target=self._look, name="sighting", daemon=True)
                self.thread.start()
        return self._seen

    def _look(self) -> None:
        self._seen = look(self._ports)


def look(ports: Ports) -> Seen:
    """All hosts side by side."""
    services = ports.settings.services.values()
    places = [(host, e) for s in services for e in s.environments.values() for host in e.hosts]
    jobs = [partial(ports.engines.look, host, e.service, e.name) for host, e in places]
    reachable: dict[str, bool] = {}
    running: dict[tuple[str, str, int], int] = {}
    for (host, environment), seen in zip(places, ports.hands.each(jobs), strict=True):
        if isinstance(seen, HostSeen):
            reachable[host.name] = reachable.get(host.name, True) and seen.reachable
            _count(environment, seen, running)
    return Seen(reachable, running)


def _count(environment: Environment, seen: HostSeen, running: dict[tuple[str, str, int], int]) -> None:
    for replica in seen.replicas:
        if replica.state is ReplicaState.RUNNING and replica.health != "unhealthy":
            key = environment.service, environment.name, replica.release
            running[key] = running.get(key, 0) + 1
