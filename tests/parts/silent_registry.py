"""A registry that says it is one and then never answers again. `asked`: somebody waits for it.

At its end it hangs up on everybody: an engine that goes on waiting pushes nothing else any more after five such waits.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SilentRegistry(ThreadingHTTPServer):
    def __init__(self, host: str) -> None:
        super().__init__((host, 0), Handler)
        self.asked = threading.Event()
        self._lines: list[socket.socket] = []

    @property
    def address(self) -> str:
        return f"{self.server_address[0]!s}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._lines.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for line in self._lines:
            with suppress(OSError):  # the other side was quicker
                line.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    server: SilentRegistry

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v2":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.asked.set()
        while self.rfile.read(1):
            continue

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, *_: object) -> None: ...


@contextmanager
def silent_registry(host: str) -> Iterator[SilentRegistry]:
    server = SilentRegistry(host)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()
