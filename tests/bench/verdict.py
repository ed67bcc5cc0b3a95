"""Tells each container of the sick image whether it is well: those that ask first are, all that come later are not. Host by
host that is a sick third host; in Swarm, which goes in an order of its own, the same number of replicas are new by then."""

import socket
import socketserver
import threading
from types import TracebackType


class Verdict:
    """`with Verdict(address, well=4) as verdict:` listens; what the sick image is built with is `verdict.bad`."""

    def __init__(self, address: str, well: int) -> None:
        self._well = well
        self._names: list[str] = []
        self._lock = threading.Lock()
        self._server = socketserver.ThreadingTCPServer((address, 0), self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def bad(self) -> str:
        """As the sample service takes it."""
        host, port = self._server.server_address[:2]
        return f"asks:{host!s}:{port}"

    @property
    def refused(self) -> int:
        """How many containers were told that they are unwell."""
        return max(0, len(self._names) - self._well)

    def forget(self) -> None:
        """The next container is the first one."""
        self._names.clear()

    def _answer(self, connection: socket.socket, _client: object, _server: object) -> None:
        with connection.makefile("rb") as sent:
            name = sent.readline().decode().strip()
        connection.sendall(b"well" if self._of(name) else b"unwell")

    def _of(self, name: str) -> bool:
        with self._lock:
            if name not in self._names:
                self._names.append(name)
            return self._names.index(name) < self._well

    def __enter__(self) -> "Verdict":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
