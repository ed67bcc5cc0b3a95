"""The app under its own server in a thread of this process, and how tests speak to it."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.delivery.run import NewRun
from pipeline.web.app import create_app
from pipeline.web.asgi import create_asgi
from pipeline.web.serve import Server
from tests.web.conftest import COMMIT, House

MIB = 1024 * 1024


class Running:
    """A server in a thread of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._opened: list[http.client.HTTPConnection] = []
        self._answers: list[http.client.HTTPResponse] = []
        application = create_asgi(create_app(house.ports), house.ports)
        self._server = Server(application)
        self._thread = threading.Thread(target=self._server.run, args=([self.listener],))
        self._thread.start()

    def stop(self) -> float:
        started = time.monotonic()
        self._server.end()
        self._thread.join(10)
        assert not self._thread.is_alive()
        return time.monotonic() - started

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self._opened.append(connection)
        connection.request(method, path, body, headers)
        self._answers.append(connection.getresponse())
        return self._answers[-1]

    def close(self) -> None:
        for one in (*self._answers, *self._opened):
            one.close()

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@pytest.fixture
def running(house: House) -> Iterator[Running]:
    server = Running(house)
    yield server
    server.close()
    server.stop()


def add_run(house: House) -> int:
    return house.ports.runs.add(NewRun("shop", "test", "branch", "main", COMMIT, "test")).id


def read_event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """The next event or comment."""
    fields: dict[str, str] = {}
    while (line := stream.readline()) not in (b"\n", b""):
        name, _, value = line.decode().rstrip("\n").partition(":")
        fields[name] = f"{fields[name]}\n{value[1:]}" if name in fields else value[1:]
    return fields


def read_all(stream: http.client.HTTPResponse) -> list[dict[str, str]]:
    return list(iter(lambda: read_event(stream), {}))


def eventually(look) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if look():
            return True
        time.sleep(0.02)
    return False


def pour(wire: socket.socket, data: bytes, times: int) -> bytes:
    """Sends on until the other side has had enough; what it said, if it was still heard."""
    try:
        for _ in range(times):
            wire.sendall(data)
        return wire.recv(65536)
    except ConnectionError:
        return b""
