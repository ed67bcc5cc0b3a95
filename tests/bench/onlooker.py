"""Asks each front again and again who answers there, on a connection each, and remembers when."""

import http.client
import threading
import time
from types import TracebackType

PAUSE = 0.005  # seconds


class Onlooker:
    """`with Onlooker(fronts) as onlooker: …; onlooker.last("v2")` is the instant of the last answer of that version."""

    def __init__(self, fronts: list[str]) -> None:
        self._seen: dict[str, float] = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(front,)) for front in fronts]

    def last(self, version: str) -> float:
        """On the monotonic clock."""
        return self._seen[version]

    def _watch(self, front: str) -> None:
        while not self._over.wait(PAUSE):
            connection = http.client.HTTPConnection(front, timeout=5)
            try:
                connection.request("GET", "/")
                version = connection.getresponse().getheader("X-Version") or ""
            finally:
                connection.close()
            self._seen[version] = max(time.monotonic(), self._seen.get(version, 0.0))

    def __enter__(self) -> "Onlooker":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
