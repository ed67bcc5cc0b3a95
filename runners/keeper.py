"""Keeps one lease alive while the work under it goes on, and ends the process when the lease is lost.

A thread beside the work: each second it extends the lease and asks whether somebody wants the work to stop. Another one
gives the signs of life, so that a database that does not answer is not taken for a frozen process. Never decides what
the work does about any of it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

from pipeline.books import Leases
from pipeline.errors import ShipwayError
from pipeline.lease import Lease
from runners.process import GONE, Beat

log = logging.getLogger("shipway.worker")


class Keeper:
    """`with Keeper(...) as keeper: work(stop=keeper.stop)`."""

    def __init__(
        self,
        leases: Leases,
        lease: Lease,
        ttl: float,
        wanted: Callable[[], bool],
        beat: Beat | None = None,
        every: float = 1.0,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        """`wanted`: does anybody want the work to stop? `leave`: how a process without a lease ends; nothing after
        it may touch the world, so it is not an exception."""
        self._leases = leases
        self._lease = lease
        self._ttl = ttl
        self._wanted = wanted
        self._beat = beat or Beat()
        self._every = every
        self._leave = leave
        self._held_at = time.monotonic()
        self._over = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._pulse = threading.Thread(target=self._beat_on, name="beat", daemon=True)

    def stop(self) -> bool:
        """Cheap. Also true as soon as the lease may have run out, even before the thread has noticed."""
        return self._stop.is_set() or time.monotonic() - self._held_at > self._ttl

    def __enter__(self) -> "Keeper":
        self._beat.touch()
        self._thread.start()
        self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._pulse.join()

    def _beat_on(self) -> None:
        while not self._over.wait(self._every):
            self._beat.touch()

    def _keep(self) -> None:
        while not self._over.wait(self._every):
            if not self._extend():
                log.error("lease lost, process ends", extra={"lease": self._lease.key})
                self._leave(GONE)
                return
            self._ask()

    def _extend(self) -> bool:
        """A database that does not answer is borne for as long as nobody else can have taken the lease."""
        asked_at = time.monotonic()
        try:
            held = self._leases.extend(self._lease, self._ttl)
        except ShipwayError as error:
            log.warning("lease not extended", extra={"lease": self._lease.key, "error": str(error)})
            return time.monotonic() - self._held_at <= self._ttl
        self._held_at = asked_at
        return held

    def _ask(self) -> None:
        try:
            if self._wanted():
                self._stop.set()
        except ShipwayError as error:
            log.warning("stop request not read", extra={"lease": self._lease.key, "error": str(error)})
