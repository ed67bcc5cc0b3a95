"""Looks at the schedules of environments every few seconds, in a thread of its own: no forge may hold up a wake.

Decides nothing about what is due. What a repository's silence kept back is tried again each minute.
"""

import logging
import threading
from collections.abc import Callable

from pipeline.errors import ShipwayError
from pipeline.fleet.schedule import Due
from pipeline.intake.timed import due_now, schedules_of, start
from pipeline.ports import Ports

log = logging.getLogger("shipway.scheduler")

EVERY = 5.0  # seconds
AGAIN = 60.0  # ... until a repository that did not answer is asked once more


class Timekeeper:
    """`start_due` is called again and again, with a clock that only grows; it returns at once."""

    def __init__(self, ports: Ports, clock: Callable[[], float]) -> None:
        self._ports = ports
        self._clock = clock
        self._known = tuple(schedules_of(ports.settings))
        self._remembered = False
        self._next = 0.0
        self._later: dict[Due, float] = {}
        self._thread: threading.Thread | None = None

    def start_due(self) -> None:
        now = self._clock()
        busy = self._thread is not None and self._thread.is_alive()
        if busy or now < self._next or (self._remembered and not self._known):
            return
        self._next = now + EVERY
        self._thread = threading.Thread(target=self._look, name="schedules", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until no look is under way."""
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        try:
            if not self._remembered:
                self._ports.schedules.remember(self._known)
                self._remembered = True
            dues = due_now(self._ports)
        except ShipwayError as error:
            log.warning("schedules not looked at, trying again", extra={"error": str(error)})
            return
        self._later = {due: at for due, at in self._later.items() if due in dues}
        for due in dues:
            if self._later.get(due, 0.0) <= self._clock():
                self._start(due)

    def _start(self, due: Due) -> None:
        words: dict[str, object] = {"service": due.service, "environment": due.environment}
        words |= {"schedule": due.schedule.name, "due": due.at.isoformat()}
        try:
            run = start(due, self._ports)
        except ShipwayError as error:
            self._later[due] = self._clock() + AGAIN
            log.warning("schedule not obeyed, trying again", extra={**words, "error": str(error)})
            return
        log.info("schedule obeyed", extra={**words, "run": run.id if run else "none"})
