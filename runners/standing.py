"""Reads who joined at most once a second: `settings.hosts` is asked hundreds of times in a look, also by the server's loop,
which a database that is away must not hold up."""

import threading
import time
from collections.abc import Callable

from pipeline.errors import ShipwayError
from pipeline.roster import Roster
from pipeline.settings import Settings
from pipeline.standing import with_hosts

FRESH = 1.0  # seconds
AWAY = 5.0  # seconds until a database that did not answer is asked again


class Standing:
    """The settings of this moment. While the database does not answer they are those of before: whoever acts on them needs
    the database too. Before the first answer the error is the caller's."""

    def __init__(
        self, settings: Settings, roster: Roster, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = settings
        self._roster = roster
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: Settings | None = None
        self._until = float("-inf")

    def __call__(self) -> Settings:
        with self._lock:
            if self._known is None:
                self._known, self._until = self._read(), self._monotonic() + FRESH
            elif self._monotonic() >= self._until:
                try:
                    self._known, pause = self._read(), FRESH
                except ShipwayError:
                    pause = AWAY
                self._until = self._monotonic() + pause
            return self._known

    def _read(self) -> Settings:
        joined = self._roster.joined()
        return with_hosts(self._file, {name: entry.host for name, entry in joined.items()})

    def forget(self) -> None:
        """Somebody joined or left just now, by this process."""
        self._until = float("-inf")
