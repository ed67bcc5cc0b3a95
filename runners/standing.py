"""Reads who joined at most once a second: `settings.hosts` is asked hundreds of times in a look."""

import threading
import time
from collections.abc import Callable

from pipeline.roster import Roster
from pipeline.settings import Settings
from pipeline.standing import with_hosts

FRESH = 1.0  # seconds


class Standing:
    """The settings of this moment. When the database does not answer, the error is the caller's."""

    def __init__(
        self, settings: Settings, roster: Roster, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = settings
        self._roster = roster
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known = settings
        self._until = float("-inf")

    def __call__(self) -> Settings:
        with self._lock:
            if self._monotonic() >= self._until:
                joined = self._roster.joined()
                self._known = with_hosts(self._file, {name: entry.host for name, entry in joined.items()})
                self._until = self._monotonic() + FRESH
            return self._known

    def forget(self) -> None:
        """Somebody joined or left just now, by this process."""
        self._until = float("-inf")
