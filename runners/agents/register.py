"""Tells the other machines of the control plane, by the database, which cables end at this one's door, and hears which came
to another one since. One thread of the door's process; a database that is away keeps no cable waiting.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from pipeline.errors import ShipwayError
from pipeline.fleet.agent import AgentSeen, DoorHere

log = logging.getLogger("shipway.agents")

EVERY = 3.0  # seconds between two signs of life

Superseded = Callable[[str, datetime, str], None]


class Cables(Protocol):
    def note(self, door: DoorHere, seen: Mapping[str, AgentSeen], now: datetime) -> Mapping[str, str]:
        """This door lives, and that is what it saw since the last time. Hosts whose newest cable ends elsewhere: where."""

    def leave(self, machine: str) -> None: ...


class Register:
    """`told` from any thread, before `start` too. `close`: the last word; nobody calls this door any more."""

    def __init__(
        self,
        cables: Cables,
        door: DoorHere,
        every: float = EVERY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cables, self._door, self._every, self._now = cables, door, every, now
        self._lock = threading.Lock()
        self._news: dict[str, AgentSeen] = {}
        self._here: dict[str, datetime] = {}
        self._wake = threading.Event()
        self._over = False
        self._superseded: Superseded = lambda name, since, at: None
        self._thread = threading.Thread(target=self._run, name="register", daemon=True)

    def start(self, superseded: Superseded) -> None:
        """`superseded`: the hub's, for a cable that is not the newest one."""
        self._superseded = superseded
        self._thread.start()

    def told(self, name: str, seen: AgentSeen) -> None:
        with self._lock:
            self._news[name] = seen
        self._wake.set()

    def close(self) -> None:
        self._over = True
        self._wake.set()
        self._thread.join()
        try:
            self._cables.leave(self._door.machine)
        except ShipwayError as error:
            log.warning("door not taken out of the books", extra={"error": str(error)})

    def _run(self) -> None:
        while not self._over:
            self.tell()
            self._wake.wait(self._every)
            self._wake.clear()
        self.tell()

    def tell(self) -> None:
        with self._lock:
            news, self._news = self._news, {}
        for name, seen in news.items():
            self._here[name] = seen.since
            if not seen.connected:
                del self._here[name]
        try:
            elsewhere = self._cables.note(self._door, news, self._now())
        except ShipwayError as error:
            log.warning("cables not told, trying again", extra={"error": str(error)})
            with self._lock:
                self._news = {**news, **self._news}
            return
        for name in elsewhere.keys() & self._here.keys():
            self._superseded(name, self._here[name], elsewhere[name])
