"""When each repository is looked at, and by which thread: none in a hurry, none waiting for another forge.

Looks are spread over the time between two of them, one at a time for each forge. One that fails comes again later and
later. Decides nothing about what a look finds, and keeps nothing that matters: looks are written down by `intake.sweep`.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipeline.errors import ShipwayError
from pipeline.fleet.service import Service
from pipeline.intake.sight import Move
from pipeline.intake.sweep import look
from pipeline.ports import Ports

log = logging.getLogger("shipway.scheduler")

FIRST = 5.0  # seconds after the start
GRACE = 10.0  # until the second look at what is missing where webhooks come
LONGEST = 900.0  # between two looks at a repository that does not answer
MOST = 8  # threads


@dataclass
class Round:
    """One repository, with every service that is built from it."""

    services: Sequence[Service]
    due: float
    failures: int = 0
    suspects: frozenset[Move] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        return self.services[0].repository.address

    @property
    def forge(self) -> str:
        """Who would have to be slow for this to be slow."""
        return urlsplit(self.name).netloc or self.name.partition(":")[0]

    @property
    def poll(self) -> float:
        return min(service.repository.poll for service in self.services)


class Sweeper:
    """`start_due` is called again and again, with a clock that only grows; it returns at once."""

    def __init__(self, ports: Ports, clock: Callable[[], float]) -> None:
        self._ports = ports
        self._clock = clock
        self._rounds = _rounds(list(ports.settings.services.values()), clock())
        self._busy: dict[str, threading.Thread] = {}

    def start_due(self) -> None:
        now = self._clock()
        self._busy = {forge: thread for forge, thread in self._busy.items() if thread.is_alive()}
        for one in sorted((one for one in self._rounds if one.due <= now), key=lambda one: one.due):
            if one.forge in self._busy or len(self._busy) >= MOST:
                continue
            one.due = now + one.poll  # whatever becomes of the thread
            thread = threading.Thread(target=self._look, args=(one,), name="sweep", daemon=True)
            self._busy[one.forge] = thread
            thread.start()

    def wait(self) -> None:
        """Until no look is under way."""
        for thread in self._busy.values():
            thread.join()

    def _look(self, one: Round) -> None:
        try:
            one.suspects = look(one.services, one.suspects, self._ports)
        except ShipwayError as error:
            one.failures += 1
            one.due = self._clock() + min(one.poll * 2**one.failures, max(LONGEST, one.poll))
            words = {"repository": one.name, "failures": one.failures, "error": str(error)}
            log.warning("repository not looked at, trying again later", extra=words)
            return
        if one.failures:
            log.info("repository answers again", extra={"repository": one.name})
        one.failures = 0
        one.due = self._clock() + (min(GRACE, one.poll) if one.suspects else one.poll)


def _rounds(services: Sequence[Service], now: float) -> list[Round]:
    """Those of one repository together, the first looks spread out."""
    groups: dict[tuple[str, str], list[Service]] = {}
    for service in services:
        repository = service.repository
        if repository.poll:
            groups.setdefault((repository.url, repository.token.reveal()), []).append(service)
    found = [Round(group, 0.0) for group in groups.values()]
    for at, one in enumerate(found):
        one.due = now + min(FIRST, one.poll) + one.poll * at / len(found)
    return found
