"""How often an address may be refused before nothing of it is looked at for a while: tokens cannot be guessed anyway, but
each try costs a look into the database."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

REFUSALS = 10  # of one address
WITHIN = 600.0  # seconds
LARGEST = 10_000  # addresses that are remembered


class Refusals:
    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, peer: str) -> float:
        """Seconds until the next try of this address is looked at; 0: now."""
        now = self._monotonic()
        with self._lock:
            times = [at for at in self._seen.get(peer, ()) if now - at < WITHIN]
        return WITHIN - (now - times[-REFUSALS]) if len(times) >= REFUSALS else 0.0

    def note(self, peer: str) -> None:
        now = self._monotonic()
        with self._lock:
            times = [at for at in self._seen.pop(peer, []) if now - at < WITHIN]
            self._seen[peer] = [*times, now][-REFUSALS:]
            while len(self._seen) > LARGEST:
                self._seen.popitem(last=False)
