"""What engines and proxies say, asked anew while somebody reads: no page waits for a host that does not answer.

Each environment is looked at once for all readers, by threads of its own. What is not known in time comes with the next
look: the page's live part shows it a second later.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

from pipeline.caller import Caller
from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.web.fleet_answers import EnvironmentAnswer, HostAnswer
from pipeline.web.services import list_hosts, show_environment

log = logging.getLogger("shipway.web")

FRESH = 8.0  # seconds for which an answer is not asked again
LOOKERS = 4  # threads
ALL_HOSTS = ("", "")
OURSELVES = Caller("pages", "viewer")

Place = tuple[str, str]  # service, environment
T = TypeVar("T")


@dataclass
class Looks(Generic[T]):
    """The latest answer to each question, and the questions that are being asked."""

    ask: Callable[[str, str], T]
    known: dict[Place, tuple[float, T]] = field(default_factory=dict)
    asking: dict[Place, "Future[None]"] = field(default_factory=dict)

    def old(self, place: Place, fresh: float) -> bool:
        return place not in self.known or time.monotonic() - self.known[place][0] > fresh


class Pulse:
    def __init__(self, ports: Ports) -> None:
        self._environments = Looks(lambda service, name: show_environment(ports, OURSELVES, service, name))
        self._hosts = Looks(lambda _, __: list_hosts(ports, OURSELVES).hosts)
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None

    def looks(
        self, places: Sequence[Place], patience: float, fresh: float = FRESH
    ) -> dict[Place, EnvironmentAnswer]:
        """The latest of each that is known, after at most `patience` seconds for those that are not, or are older than
        `fresh`."""
        return self._latest(self._environments, places, patience, fresh)

    def hosts(self, patience: float) -> dict[str, HostAnswer]:
        """Likewise of all hosts; empty before the first answer."""
        found = self._latest(self._hosts, [ALL_HOSTS], patience, FRESH).get(ALL_HOSTS, [])
        return {host.name: host for host in found}

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _latest(
        self, looks: Looks[T], places: Sequence[Place], patience: float, fresh: float
    ) -> dict[Place, T]:
        asking = [self._ask(looks, place) for place in places if looks.old(place, fresh)]
        if asking and patience > 0:
            wait(asking, patience)
        return {place: looks.known[place][1] for place in places if place in looks.known}

    def _ask(self, looks: Looks[T], place: Place) -> "Future[None]":
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(LOOKERS, thread_name_prefix="pulse")
            if place not in looks.asking:
                looks.asking[place] = self._threads.submit(self._look, looks, place)
            return looks.asking[place]

    def _look(self, looks: Looks[T], place: Place) -> None:
        try:
            looks.known[place] = time.monotonic(), looks.ask(*place)
        except ShipwayError as error:
            log.warning("not looked at", extra={"place": "/".join(place), "error": str(error)})
        finally:
            with self._lock:
                looks.asking.pop(place, None)
