"""What engines and proxies say, asked anew while somebody reads: no page waits for a host that does not answer.

Each environment is looked at once for all readers, by threads of its own. What is not known in time comes with the next
look: the page's live part shows it a second later.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock

from pipeline.caller import Caller
from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.web.fleet_answers import EnvironmentAnswer
from pipeline.web.services import show_environment

log = logging.getLogger("shipway.web")

FRESH = 8.0  # seconds for which an answer is not asked again
LOOKERS = 4  # threads
OURSELVES = Caller("pages", "viewer")

Place = tuple[str, str]  # service, environment


@dataclass
class Pulse:
    ports: Ports = field(repr=False)
    _known: dict[Place, tuple[float, EnvironmentAnswer]] = field(default_factory=dict)
    _asking: dict[Place, "Future[None]"] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _threads: ThreadPoolExecutor | None = None

    def looks(
        self, places: Sequence[Place], patience: float, fresh: float = FRESH
    ) -> dict[Place, EnvironmentAnswer]:
        """The latest of each that is known, after at most `patience` seconds for those that are not, or are older than
        `fresh`."""
        asking = [self._ask(place) for place in places if self._is_old(place, fresh)]
        if asking and patience > 0:
            wait(asking, patience)
        return {place: self._known[place][1] for place in places if place in self._known}

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_old(self, place: Place, fresh: float) -> bool:
        return place not in self._known or time.monotonic() - self._known[place][0] > fresh

    def _ask(self, place: Place) -> "Future[None]":
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(LOOKERS, thread_name_prefix="pulse")
            if place not in self._asking:
                self._asking[place] = self._threads.submit(self._look, place)
            return self._asking[place]

    def _look(self, place: Place) -> None:
        try:
            self._known[place] = time.monotonic(), show_environment(self.ports, OURSELVES, *place)
        except ShipwayError as error:
            log.warning("environment not looked at", extra={"place": "/".join(place), "error": str(error)})
        finally:
            with self._lock:
                self._asking.pop(place, None)
