"""A machine behind a load balancer: a small web server that can be well, ill, stopped and replaced by a new version."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Backend:
    """`active` and `last` are what an agent on the host would measure: requests under way, and the last sign of one."""

    def __init__(self, takes: float = 0.1) -> None:
        self.takes = takes
        self.version = 1
        self.port = 0
        self.active = 0
        self.last = 0.0
        self.well = True
        self._count = threading.Lock()
        self._server: _Server | None = None
        self.start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.backend = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()

    def stop(self) -> None:
        """As a container is stopped: nobody listens any more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def replace(self) -> None:
        """The next version on the same port."""
        self.stop()
        self.version += 1
        self.start()

    def idle(self, seconds: float) -> bool:
        return self.active == 0 and time.monotonic() - self.last > seconds

    def ready(self) -> bool:
        """The host's own check."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def work(self) -> None:
        with self._count:
            self.active += 1
            self.last = time.monotonic()
        time.sleep(self.takes)
        with self._count:
            self.active -= 1
            self.last = time.monotonic()


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    backend: Backend

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        backend = self.server.backend
        well = backend.well or self.path != "/healthz"
        if self.path != "/healthz":
            backend.work()
        body = str(backend.version).encode()
        self.send_response(200 if well else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...
