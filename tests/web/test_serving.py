"""Over real sockets: bodies and heads that are bounded."""

import json

import pytest

from pipeline.web import asgi
from pipeline.web import serve as serving
from tests.web.running import MIB, Running, pour
from tests.web.running import running as running
from tests.web.test_hooks import SIGNED, push

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
