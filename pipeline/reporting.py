"""Tells forges, or people, what changed: a thread beside the scheduler, asleep while nothing happens. Decides nothing.

Any number of schedulers may run; a lease lets one tell at a time. An error is tried again, like everything else here.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Generic, TypeVar

from pipeline.errors import ShipwayError

Desk = TypeVar("Desk")
log = logging.getLogger("shipway.reports")

PAUSE = 5.0  # seconds after a database that did not answer
AGAIN = 30.0  # seconds from one start of the thread to the next, should it break


class Reporting(Generic[Desk]):
    """`tell(owner, desk)` is one round, and says when the next is of use; `wait(seconds)` returns early when something
    begins."""

    def __init__(
        self,
        tell: Callable[[str, Desk], float],
        desk: Desk,
        wait: Callable[[float], None],
        stopping: threading.Event,
    ) -> None:
        self._tell = tell
        self._desk = desk
        self._wait = wait
        self._stopping = stopping
        self._thread: threading.Thread | None = None
        self._started = float("-inf")

    def keep_up(self) -> None:
        """Start the thread, unless it runs. Cheap: asked for at each tick."""
        alive = self._thread is not None and self._thread.is_alive()
        if not alive and time.monotonic() - self._started >= AGAIN:
            self._started = time.monotonic()
            self._thread = threading.Thread(target=self.run, name="tells", daemon=True)
            self._thread.start()

    def run(self) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        while not self._stopping.is_set():
            self._wait(self._round(owner))

    def _round(self, owner: str) -> float:
        try:
            return self._tell(owner, self._desk)
        except ShipwayError as error:
            log.warning("not told, trying again", extra={"error": str(error)})
            return PAUSE
