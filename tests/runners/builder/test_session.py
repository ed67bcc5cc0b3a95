"""What the engine is told when it asks for a build secret. The engine's half is played by an HTTP/2 client."""

import struct

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, TrailersReceived

from pipeline.errors import StageFailed
from pipeline.secret import Secret
from runners.builder.protobuf import fields, message_field
from runners.builder.session import GET_SECRET, HEALTH, LARGEST, Session, Talk


class Engine:
    """Asks one thing after the other; `pieces` bytes of a question travel at a time."""

    def __init__(self, secrets, pieces=1 << 20):
        self._talk, self._pieces = Talk(secrets), pieces
        self._connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._connection.initiate_connection()

    def ask(self, path, message):
        """(message, grpc-status)"""
        stream = self._connection.get_next_available_stream_id()
        headers = [(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", path)]
        self._connection.send_headers(stream, [*headers, ("content-type", "application/grpc")])
        framed = struct.pack(">BL", 0, len(message)) + message
        self._connection.send_data(stream, framed, end_stream=True)
        data, status = b"", ""
        for event in self._exchange():
            if isinstance(event, DataReceived):
                data += event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if isinstance(event, ResponseReceived | TrailersReceived):
                status = dict(event.headers).get("grpc-status", status)
        return data[5:], status

    def _exchange(self):
        sent = self._connection.data_to_send()
        answers = [
            self._talk.answer(sent[at : at + self._pieces]) for at in range(0, len(sent), self._pieces)
        ]
        return [event for answer in answers for event in self._connection.receive_data(answer)]


@pytest.mark.parametrize("pieces", [1, 7, 1 << 20])
def test_secret_is_told_by_its_name(pieces):
    engine = Engine({"A": Secret("x"), "NPM_TOKEN": Secret("pässwort")}, pieces)

    message, status = engine.ask(GET_SECRET, message_field(1, b"NPM_TOKEN"))

    assert (dict(fields(message)), status) == ({1: "pässwort".encode()}, "0")


def test_many_large_secrets_are_told_one_after_the_other():
    engine = Engine({"A": Secret("x" * LARGEST)})

    for _ in range(20):
        assert len(engine.ask(GET_SECRET, message_field(1, b"A"))[0]) > LARGEST


def test_secret_that_was_not_named_is_not_found():
    assert Engine({"A": Secret("x")}).ask(GET_SECRET, message_field(1, b"B")) == (b"", "5")


def test_we_are_well():
    assert Engine({}).ask(HEALTH, b"") == (b"\x08\x01", "0")


@pytest.mark.parametrize(
    "path", ["/moby.filesync.v1.FileSync/DiffCopy", "/moby.filesync.v1.Auth/Credentials", ""]
)
def test_nothing_else_is_offered(path):
    assert Engine({"A": Secret("x")}).ask(path or "/", b"") == (b"", "12")


def test_what_is_no_http2_ends_it():
    with pytest.raises(ValueError, match="preamble"):
        Talk({}).answer(b"GET / HTTP/1.1\r\n\r\n" * 3)


def test_secret_that_is_too_long_is_said_before_anything_is_opened():
    with pytest.raises(StageFailed, match="A is longer than 16 KiB"):
        Session(None, {"A": Secret("x" * (LARGEST + 1))})
