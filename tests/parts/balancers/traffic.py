"""Users of a load balancer: clients that ask one request after the other and count what they get. The standard library
never sends a request again by itself, so that none that was lost is hidden."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Traffic:
    """`seen` counts statuses, and errors by name. `kept`: clients keep their connections."""

    def __init__(self, port: int, clients: int = 8, kept: bool = True) -> None:
        self.port = port
        self.kept = kept
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    @property
    def total(self) -> int:
        return sum(self.seen.values())

    @property
    def failed(self) -> dict[str, int]:
        return {what: count for what, count in self.seen.items() if what != "200"}

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def more(self, count: int, seconds: float = 15) -> None:
        """Wait until so many more requests are answered."""
        goal, deadline = self.total + count, time.monotonic() + seconds
        while self.total < goal:
            assert time.monotonic() < deadline, f"only {self.total} of {goal} requests: {dict(self.seen)}"
            time.sleep(0.01)

    def _client(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self._stop.is_set():
            what = self._ask(connection)
            if what != "200" or not self.kept:
                connection.close()
            with self._lock:
                self.seen[what] += 1
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> str:
        try:
            connection.request("GET", "/", headers={} if self.kept else {"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        return str(answer.status)


@contextmanager
def traffic(port: int, clients: int = 8, kept: bool = True) -> Iterator[Traffic]:
    made = Traffic(port, clients, kept)
    made.start()
    try:
        yield made
    finally:
        made.stop()
