"""Over real sockets: streams that resume, bodies and heads that are bounded, and an end that is quick and clean."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.delivery.run import NewRun
from pipeline.web import asgi, followers
from pipeline.web import serve as serving
from pipeline.web.app import create_app
from pipeline.web.asgi import create_asgi
from pipeline.web.serve import Server
from tests.web.conftest import COMMIT, House
from tests.web.test_hooks import SIGNED, push

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


@pytest.fixture
def headers(house: House) -> dict[str, str]:
    return house.token("deployer", name="ci")


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


# ------------------------------------------------------------------------------------------------ streams


def test_a_follower_sees_lines_as_they_are_written_and_the_end(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    assert read_event(stream) == {"retry": "1000"}

    running.house.logs.append(run, "build", "one\n")
    first = read_event(stream)
    running.house.logs.append(run, "build", "two\n")
    second = read_event(stream)
    running.house.ports.runs.cancel(run)
    last = read_event(stream)

    assert first == {"id": "4", "data": "one\n"}
    assert second == {"id": "8", "data": "two\n"}
    assert last == {"id": "8", "event": "end", "data": '{"status": "cancelled"}'}
    assert stream.read() == b""
    assert stream.getheader("X-Accel-Buffering") == "no"
    assert stream.getheader("Content-Type").startswith("text/event-stream")


def test_a_follower_who_comes_again_gets_only_what_is_new(running, headers):
    run = add_run(running.house)
    running.house.logs.append(run, "build", "one\ntwo\n")
    running.house.ports.runs.cancel(run)

    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers, **{"Last-Event-ID": "4"})

    assert [event.get("data") for event in read_all(stream)][1:] == ["two\n", '{"status": "cancelled"}']


def test_many_followers_of_one_log_share_one_reading(running, headers):
    run = add_run(running.house)
    streams = [running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers) for _ in range(40)]
    for stream in streams:
        assert read_event(stream) == {"retry": "1000"}
    reads: list[int] = []
    read = running.house.logs.read

    def counted(run_id: int, offset: int = 0, limit: int = 0) -> tuple[bytes, int]:
        reads.append(offset)
        return read(run_id, offset, limit)

    running.house.logs.read = counted
    running.house.logs.append(run, "build", "one\n")

    assert [read_event(stream)["data"] for stream in streams] == ["one\n"] * 40
    assert len(reads) <= 10
    assert "shipway_http_streams 40.0" in running.ask("GET", "/metrics").read().decode()
    for stream in streams:
        stream.close()


def test_a_follower_who_hangs_up_is_forgotten(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    running.close()

    assert eventually(lambda: "shipway_http_streams 0.0" in running.ask("GET", "/metrics").read().decode())


def test_a_stream_that_may_not_be_seen_is_refused_like_any_call(running, house):
    run = add_run(house)

    assert running.ask("GET", f"/api/v1/runs/{run}/log?follow=1").status == 401
    assert running.ask("GET", "/api/v1/runs/999/log?follow=1", **house.token("viewer")).status == 404
    assert (
        running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **house.token("viewer", "blog")).status == 403
    )


def test_a_revoked_token_ends_its_streams(running, house, monkeypatch):
    monkeypatch.setattr(followers, "RECHECK", 0.1)  # nobody waits half a minute in a test
    monkeypatch.setattr(followers, "QUIET", 0.1)
    run, headers = add_run(house), house.token("viewer", name="gone")
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    house.store.tokens.revoke("gone")
    rest = stream.read()

    assert b"not known here" in rest


def test_when_there_are_too_many_streams_the_next_is_asked_to_come_later(running, headers, monkeypatch):
    monkeypatch.setattr(followers, "MOST", 0)

    answer = running.ask("GET", f"/api/v1/runs/{add_run(running.house)}/log?follow=1", **headers)

    assert answer.status == 503
    assert answer.getheader("Retry-After")


def test_an_open_stream_does_not_hold_up_the_end(running, headers):
    run = add_run(running.house)
    stream = running.ask("GET", f"/api/v1/runs/{run}/log?follow=1", **headers)
    read_event(stream)

    took = running.stop()

    assert took < 5
    assert b"Last-Event-ID" in stream.read()


# ------------------------------------------------------------------------------------------------ bodies and heads


def test_who_ends_the_server_does_not_wait_for_its_clock(house, monkeypatch):
    monkeypatch.setattr(serving, "TICK", 3600.0)
    server = Running(house)

    assert server.ask("GET", "/healthz").status == 200
    server.close()

    server.stop()  # fails when the thread does not end


def test_each_answer_says_its_own_moment(running, monkeypatch):
    moments = iter(["Thu, 01 Jan 2026 03:00:00 GMT", "Thu, 01 Jan 2026 03:00:07 GMT"])
    monkeypatch.setattr(asgi, "formatdate", lambda usegmt: next(moments))

    answers = [running.ask("GET", "/healthz") for _ in range(2)]

    assert [answer.headers.get_all("Date") for answer in answers] == [
        ["Thu, 01 Jan 2026 03:00:00 GMT"],
        ["Thu, 01 Jan 2026 03:00:07 GMT"],
    ]


def test_a_hook_arrives_over_the_wire(running):
    answer = running.ask(
        "POST", "/hooks/gitlab", json.dumps(push()), **SIGNED, **{"Content-Type": "application/json"}
    )

    assert answer.status == 202
    assert json.load(answer) == {"delivery": 1, "runs": [1]}


def test_a_head_is_answered_without_a_body(running):
    answer = running.ask("HEAD", "/healthz")

    assert (answer.status, answer.read()) == (200, b"")


def test_a_chunked_hook_is_read_like_any_other(running):
    body = json.dumps(push()).encode()
    pieces = iter([body[:10], body[10:]])

    answer = running.ask("POST", "/hooks/gitlab", pieces, **SIGNED, **{"Content-Type": "application/json"})

    assert answer.status == 202


def test_a_body_that_announces_too_much_is_refused_before_it_is_read(running):
    with running.raw() as wire:
        wire.sendall(
            f"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: {25 * MIB + 1}\r\n\r\n".encode()
        )
        answer = wire.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_of_too_much_gets_to_read_why(running, chunked):
    body = iter([b"x" * MIB] * 26) if chunked else b"x" * (26 * MIB)

    answer = running.ask("POST", "/hooks/gitlab", body)

    assert answer.status == 413
    assert json.load(answer)["detail"].startswith("The body is larger than the 26214400 bytes")


def test_exactly_25_mebibytes_are_read(running):
    body = json.dumps(push()).encode().ljust(25 * MIB)

    answer = running.ask("POST", "/hooks/gitlab", body, **SIGNED, **{"Content-Type": "application/json"})

    assert answer.status == 202


def test_slow_senders_do_not_hold_the_threads(running, monkeypatch):
    monkeypatch.setattr(asgi, "BODY_SECONDS", 1.0)
    slow = [running.raw() for _ in range(asgi.WORKERS * 2)]
    for wire in slow:
        wire.sendall(b"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

    meanwhile = running.ask("GET", "/healthz").status
    answers = [wire.recv(65536) for wire in slow]
    for wire in slow:
        wire.close()

    assert meanwhile == 200
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)


def test_a_head_without_end_is_cut_off(running):
    with running.raw() as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        answer = pour(wire, b"x" * 65536, 40)

    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""


def test_a_sender_who_hangs_up_halfway_leaves_nothing_behind(running):
    with running.raw() as wire:
        wire.sendall(b"POST /hooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")

    assert running.ask("GET", "/healthz").status == 200
    assert running.house.ports.inbox.deliveries() == []


@pytest.mark.parametrize("head", ["X_Gitlab_Token: hook-secret", "X-Gitlab_Token: hook-secret"])
def test_a_header_that_only_looks_like_another_is_not_taken_for_it(running, head):
    body = json.dumps(push())
    with running.raw() as wire:
        lines = ["POST /hooks/gitlab HTTP/1.1", "Host: x", "X-Gitlab-Event: Push Hook", head]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
        wire.sendall("\r\n".join(lines).encode())

        assert wire.recv(65536).startswith(b"HTTP/1.1 401 ")


# ------------------------------------------------------------------------------------------------ the process

PROGRAM = """
import socket, sys
from pathlib import Path
from pipeline.web.serve import serve
from pipeline.web.asgi import create_asgi
from flask import Flask
from prometheus_client import CollectorRegistry
from pipeline.web.metrics import Figures
import time
app = Flask("x")
app.extensions["shipway.figures"] = Figures(None)
app.add_url_rule("/slow", "slow", view_func=lambda: time.sleep(60) or "")
app.add_url_rule("/quick", "quick", view_func=lambda: "quick")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
serve(create_asgi(app, None), listener)
print("clean", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with child:
        yield child
        child.kill()


def test_a_signal_ends_the_process_cleanly(process):
    port = int(process.stdout.readline())
    assert eventually(lambda: _quick(port) == b"quick")

    process.send_signal(signal.SIGTERM)

    assert process.wait(5) == 0
    assert process.stdout.read() == "clean\n"


def test_a_request_that_does_not_end_does_not_keep_the_process(process):
    port = int(process.stdout.readline())
    assert eventually(lambda: _quick(port) == b"quick")
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: _quick(port) == b"quick")

        process.send_signal(signal.SIGTERM)

        assert process.wait(5) == 0


def _quick(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/quick")
        return connection.getresponse().read()
    finally:
        connection.close()


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
