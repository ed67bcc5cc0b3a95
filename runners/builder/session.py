"""A BuildKit session: while it builds, the engine asks us for secrets over a connection that we opened to it.

The engine is the client there: gRPC in HTTP/2, without TLS of its own, inside the connection that `POST /session` became.
Two things are answered: a secret by its name, and that we are well. A secret is a mount of one step, never part of an
image, and travels on the engine's own connection alone.
"""

import socket
import struct
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pipeline.errors import Rejected, StageFailed
from pipeline.secret import Secret
from runners.builder.protobuf import fields, message_field
from runners.builder.talking import Api

GET_SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105 (a path)
HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"
OK, NOT_FOUND, UNIMPLEMENTED = "0", "5", "12"
PREFIX = struct.Struct(">BL")  # compressed?, size
LARGEST = 16 << 10  # bytes of a secret: all of it fits into one frame
PIECE = 64 << 10
END = 5.0  # seconds


class Session:
    """Lasts as long as its `with`. `id` goes with the build."""

    def __init__(self, api: Api, secrets: Mapping[str, Secret]) -> None:
        for name, secret in secrets.items():
            if len(secret.reveal().encode()) > LARGEST:
                raise StageFailed(
                    f"The build secret {name} is longer than {LARGEST >> 10} KiB; use a shorter one."
                )
        self.id = uuid.uuid4().hex
        self._api = api
        self._secrets = secrets
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Session":
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "h2c",
            "X-Docker-Expose-Session-Uuid": self.id,
            "X-Docker-Expose-Session-Name": "shipway",
            "X-Docker-Expose-Session-Grpc-Method": GET_SECRET,
        }
        self._response = self._api._post(self._api._url("/session"), headers=headers, stream=True)
        if self._response.status_code != 101:
            said = self._response.text[:200]
            self._response.close()
            raise Rejected(
                f"The builder's engine opens no session for build secrets: {said or 'no reason given'}."
            )
        # Read through the buffer, which may hold the engine's first words already; written to beside it.
        self._reader: Any = self._response.raw._fp.fp
        self._socket: socket.socket = self._reader.raw._sock
        self._socket.settimeout(None)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the engine was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(END)
        self._response.close()

    def _serve(self) -> None:
        talk = Talk(self._secrets)
        try:
            while piece := self._reader.read1(PIECE):
                self._socket.sendall(talk.answer(piece))
        except (OSError, ValueError):
            return  # cut: the build is over, and says so itself


class Talk:
    """Bytes of the engine in, bytes for it out."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        from h2.config import H2Configuration  # only builds with secrets need it
        from h2.connection import H2Connection

        self._secrets = secrets
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._asked: dict[int, tuple[str, bytearray]] = {}  # by stream

    def answer(self, data: bytes) -> bytes:
        from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
        from h2.exceptions import ProtocolError

        try:
            for event in self._connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers = {str(name): str(value) for name, value in event.headers}
                    self._asked[event.stream_id] = headers.get(":path", ""), bytearray()
                elif isinstance(event, DataReceived):
                    self._asked[event.stream_id][1].extend(event.data[:LARGEST])
                    self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    self._reply(event.stream_id, *self._asked.pop(event.stream_id))
                elif isinstance(event, StreamReset):
                    self._asked.pop(event.stream_id, None)
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        return self._connection.data_to_send()

    def _reply(self, stream: int, path: str, asked: bytearray) -> None:
        if path == HEALTH:
            self._send(stream, SERVING)
        elif path == GET_SECRET:
            name = next(
                (
                    value.decode()
                    for n, value in fields(bytes(asked[PREFIX.size :]))
                    if n == 1 and isinstance(value, bytes)
                ),
                "",
            )
            secret = self._secrets.get(name)
            if secret is None:
                self._refuse(stream, NOT_FOUND, f"build.secrets does not name {name}")
            else:
                self._send(stream, message_field(1, secret.reveal().encode()))
        else:
            self._refuse(stream, UNIMPLEMENTED, "not offered")

    def _send(self, stream: int, message: bytes) -> None:
        self._connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        data = PREFIX.pack(0, len(message)) + message
        size = self._connection.max_outbound_frame_size
        for at in range(0, len(data), size):
            self._connection.send_data(stream, data[at : at + size])
        self._connection.send_headers(stream, [("grpc-status", OK)], end_stream=True)

    def _refuse(self, stream: int, status: str, why: str) -> None:
        headers = [(":status", "200"), ("content-type", "application/grpc")]
        headers += [("grpc-status", status), ("grpc-message", why)]
        self._connection.send_headers(stream, headers, end_stream=True)
