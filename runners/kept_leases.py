"""Leases that are extended for as long as this process lives: they can be short, so that what a process held when it was
killed is soon free.

A thread for each lease that is held. It never ends anything: who writes under a lease that was lost is refused there.
"""

import logging
import threading

from pipeline.books import Leases
from pipeline.errors import ShipwayError
from pipeline.lease import Lease

log = logging.getLogger("shipway.leases")

OFTEN = 4  # extensions in the time of a lease


class KeptLeases:
    """Implements `pipeline.books.Leases`."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._over: dict[tuple[str, int], threading.Event] = {}

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        lease = self._leases.take(key, owner, ttl)
        if lease is not None:
            over = self._over[key, lease.fence] = threading.Event()
            words = (lease, ttl, over)
            threading.Thread(target=self._keep, args=words, name=f"lease {key}", daemon=True).start()
        return lease

    def extend(self, lease: Lease, ttl: float) -> bool:
        return self._leases.extend(lease, ttl)

    def give_back(self, lease: Lease) -> None:
        self._over.pop((lease.key, lease.fence)).set()
        self._leases.give_back(lease)

    def _keep(self, lease: Lease, ttl: float, over: threading.Event) -> None:
        while not over.wait(ttl / OFTEN):
            try:
                if not self._leases.extend(lease, ttl):
                    return
            except ShipwayError as error:
                log.warning("lease not extended", extra={"lease": lease.key, "error": str(error)})
