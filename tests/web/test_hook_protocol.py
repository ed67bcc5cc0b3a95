"""The straight way from the parser to the line of webhooks: what senders do on the wire, and what goes the long way."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.web import hook_line, hook_protocol
from tests.web.running import eventually
from tests.web.running import running as running
from tests.web.test_hooks import SIGNED, push

END = b"\r\n\r\n"


def letter(number: int = 1, ref: str = "refs/heads/main", **headers: str) -> bytes:
    """A webhook of its own as it goes over the wire."""
    body = json.dumps(push(ref, after=f"{number:040x}")).encode()
    said = SIGNED | {"Host": "x", "Content-Type": "application/json", "Idempotency-Key": f"key-{number}"}
    said |= {"Content-Length": str(len(body))} | headers
    lines = ["POST /hooks/gitlab HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if value)]
    return "\r\n".join(lines).encode() + END + body


def answers(wire: socket.socket, count: int) -> list[tuple[int, dict[str, object]]]:
    """So many answers, each with its length."""
    found, held = [], b""
    while len(found) < count:
        head, end, rest = held.partition(END)
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if end else {}
        length = int(lines.get(b"content-length", 0))
        if end and len(rest) >= length:
            found.append((int(head[9:12]), json.loads(rest[:length])))
            held = rest[length:]
            continue
        data = wire.recv(65536)
        assert data, (found, held)
        held += data
    return found


def test_webhooks_that_come_behind_one_another_are_answered_in_their_order(running):
    with running.raw() as wire:
        wire.sendall(letter(1) + letter(2) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + letter(3))
        found = answers(wire, 4)

    assert [status for status, _ in found] == [202, 202, 200, 202]
    keys = [found[at][1]["delivery"] for at in (0, 1, 3)]
    assert keys == sorted(keys)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_webhook_that_comes_in_pieces_is_one(running, size):
    sent = letter(1)
    with running.raw() as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(sent), size):
            wire.sendall(sent[at : at + size])

        assert answers(wire, 1)[0][0] == 202


def test_one_connection_serves_one_webhook_after_the_other(running):
    with running.raw() as wire:
        for number in range(1, 6):
            wire.sendall(letter(number))
            assert answers(wire, 1)[0][0] == 202


def test_who_wants_the_connection_closed_gets_it_closed(running):
    with running.raw() as wire:
        wire.sendall(letter(1, Connection="close"))
        said = b"".join(iter(lambda: wire.recv(65536), b""))

    assert said.startswith(b"HTTP/1.1 202 ")
    assert b"\r\nConnection: close\r\n" in said


@pytest.mark.parametrize(
    ("headers", "first"),
    [
        ({"Expect": "100-continue"}, b"HTTP/1.1 100 "),
        ({"Content-Length": ""}, b"HTTP/1.1 400 "),
    ],
    ids=["expect", "no length"],
)
def test_what_is_out_of_the_ordinary_goes_the_long_way(running, headers, first):
    with running.raw() as wire:
        wire.sendall(letter(1, **headers))

        assert wire.recv(65536).startswith(first)


def test_a_webhook_of_more_than_the_short_roads_size_is_taken_too(running, monkeypatch):
    monkeypatch.setattr(hook_protocol, "LARGEST", 100)
    with running.raw() as wire:
        wire.sendall(letter(1))

        assert answers(wire, 1)[0][0] == 202


def test_who_hangs_up_before_the_answer_has_its_webhook_kept(running):
    with running.raw() as wire:
        wire.sendall(letter(1))

    assert eventually(lambda: len(running.house.ports.inbox.deliveries()) == 1)
    assert running.ask("GET", "/healthz").status == 200


def test_a_turn_of_the_loop_that_fails_unexpectedly_is_left_to_the_writer(running, monkeypatch):
    monkeypatch.setattr(running.house.store.inbox, "receive_at_once", lambda deliveries: 1 // 0)
    with running.raw() as wire:
        wire.sendall(letter(1))

        assert answers(wire, 1)[0][0] == 202


def test_what_is_large_together_is_left_to_the_writer(running, monkeypatch):
    monkeypatch.setattr(hook_line, "MOST_AT_ONCE", 100)
    monkeypatch.setattr(running.house.store.inbox, "receive_at_once", None)
    with running.raw() as wire:
        wire.sendall(letter(1))

        assert answers(wire, 1)[0][0] == 202


def test_a_hundred_deliveries_of_one_event_at_one_moment_are_one_run_whoever_writes_them(running):
    gate = threading.Barrier(100)

    def send(number: int) -> tuple[int, dict[str, object]]:
        with running.raw() as wire:
            gate.wait(20)
            wire.sendall(letter(1, **({"Expect": "100-continue"} if number % 2 else {})))
            if number % 2:
                assert wire.recv(25).startswith(b"HTTP/1.1 100 ")
            return answers(wire, 1)[0]

    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(send, range(100)))

    assert sorted(status for status, _ in found) == [200] * 99 + [202]
    assert len({answer["delivery"] for _, answer in found}) == 1
    assert len(running.house.ports.runs.runs()) == 1


def test_pushes_of_one_turn_are_written_together_and_only_the_newest_stays_queued(running):
    with running.raw() as wire:
        wire.sendall(b"".join(letter(number) for number in range(1, 21)))
        found = answers(wire, 20)

    runs = {run.id: str(run.status) for run in running.house.ports.runs.runs()}
    assert {status for status, _ in found} == {202}
    assert sorted(runs.values()) == ["queued"] + ["superseded"] * 19
    assert runs[max(runs)] == "queued"
