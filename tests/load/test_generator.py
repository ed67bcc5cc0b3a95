"""The generator counts every request in exactly one class, whatever the server does to it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.load.counts import Counts
from tests.load.generator import Generator, Plan
from tests.load.session import Load, standard

OK = b"HTTP/1.1 200 OK\r\nX-Version: 7\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
SOCKET = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
TICK, CLOSE = b"\x81\x04tick", b"\x88\x02\x03\xe8"
TO_THE_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"


@contextlib.contextmanager
def server(answer: Callable[[socket.socket, int], bool]) -> Iterator[str]:
    """Calls `answer(connection, nth request on it)` for each request; the connection is closed when it says False."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, args=(listener, answer), daemon=True).start()
    with listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def accept(listener: socket.socket, answer: Callable[[socket.socket, int], bool]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=speak, args=(connection, answer), daemon=True).start()


def speak(connection: socket.socket, answer: Callable[[socket.socket, int], bool]) -> None:
    with connection, contextlib.suppress(OSError):
        nth = 0
        while connection.recv(4096) and answer(connection, nth):
            nth += 1


def says(*parts: bytes, keep: bool = False) -> Callable[[socket.socket, int], bool]:
    def answer(connection: socket.socket, _: int) -> bool:
        for part in parts:
            connection.sendall(part)
        return keep

    return answer


def once_then_silence(connection: socket.socket, nth: int) -> bool:
    if nth == 0:
        connection.sendall(OK)
    return nth == 0


def load(target: str, **more: object) -> Counts:
    plan = {"rate": 100.0, "connections": 3, "seconds": 0.4, "timeout": 0.3} | more
    counts = Generator(Plan((target,), **plan)).run()  # type: ignore[arg-type]
    assert counts.sent > 5
    assert counts.sent == counts.ok + counts.failed
    return counts


@pytest.mark.parametrize("answer", [OK, CHUNKED])
def test_whole_answers_on_kept_connections_are_ok(answer: bytes):
    with server(says(answer, keep=True)) as target:
        counts = load(target)

    assert counts.failed == 0
    assert counts.connections == 3


def test_a_websocket_is_well_when_the_server_ends_it_by_a_close_frame():
    with server(says(SOCKET, TICK + TICK[:3], TICK[3:], CLOSE)) as target:
        counts = load(target, websocket=True)

    assert counts.failed == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((SOCKET, TICK, TICK[:3]), "truncated"), ((SOCKET, TICK), "truncated"), ((OK,), "status_200")],
)
def test_a_websocket_that_is_cut_or_refused_is_a_failure(answer: tuple[bytes, ...], kind: str):
    with server(says(*answer)) as target:
        counts = load(target, websocket=True)

    assert set(counts.failures) == {kind}
    assert counts.ok == 0


@pytest.mark.parametrize("answer", [OK, CHUNKED, TO_THE_END])
def test_whole_answers_on_closed_connections_are_ok(answer: bytes):
    with server(says(answer)) as target:
        counts = load(target, keep_alive=False)

    assert counts.failed == 0
    assert counts.connections == counts.sent


def test_versions_are_counted():
    with server(says(OK, keep=True)) as target:
        counts = load(target)

    assert counts.versions == {"7": counts.sent}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", keep=True), "status_502"),
        (says(), "no_response_fresh"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), "truncated"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), "truncated"),
        (says(b"HTTP/1.1 200"), "truncated"),
        (says(keep=True), "timeout"),
    ],
)
def test_each_failure_has_its_class(answer: Callable[[socket.socket, int], bool], kind: str):
    with server(answer) as target:
        counts = load(target)

    assert set(counts.failures) == {kind}


def test_a_request_that_dies_on_a_reused_connection_is_not_retried():
    with server(once_then_silence) as target:
        counts = load(target)

    assert set(counts.failures) == {"no_response_reused"}
    assert counts.failed >= counts.ok - 3


def test_a_refused_connection_is_a_failed_request():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        target = f"127.0.0.1:{unused.getsockname()[1]}"
    counts = load(target)

    assert set(counts.failures) == {"connect"}


def test_the_load_of_a_session_is_the_sum_of_its_generators():
    with server(says(OK, keep=True)) as target, Load(standard([target], rate=200)) as session:
        time.sleep(0.5)
        counts = session.stop()

    assert counts.failed == 0
    assert counts.sent == counts.versions["7"] > 30
