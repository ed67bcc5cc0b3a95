"""What a running container writes, as text, until it ends or somebody wants it to. Kept nowhere on the engine."""

import codecs
import select
import struct
from collections.abc import Callable

from runners.builder.talking import GLANCE, Api, Guard, plain_socket

PIECE = 64 << 10
FRAME = struct.Struct(">BxxxL")  # stream, size


class Output:
    """Frames on an attached connection."""

    def __init__(self, api: Api, container: str, log: Callable[[str], None]) -> None:
        self._wire = api.attach_socket(container, params={"stdout": 1, "stderr": 1, "stream": 1})
        self._socket = plain_socket(self._wire)
        self._log = log
        self._buffer = bytearray()
        self._decoders = {n: codecs.getincrementaldecoder("utf-8")("replace") for n in (0, 1, 2)}

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        # The SDK keeps the response there, and that owns the connection.
        response = getattr(self._wire, "_response", None)
        (response or self._wire).close()
        self._socket.close()

    def follow(self, guard: Guard) -> None:
        """To the end of the output."""
        while True:
            guard.check()
            ready, _, _ = select.select([self._socket], [], [], GLANCE)
            if not ready:
                continue
            piece = self._socket.recv(PIECE)
            if not piece:
                return
            self._buffer += piece
            self._log_frames()

    def _log_frames(self) -> None:
        at, text = 0, []
        while len(self._buffer) - at >= FRAME.size:
            stream, size = FRAME.unpack_from(self._buffer, at)
            if len(self._buffer) - at - FRAME.size < size:
                break
            at += FRAME.size
            text.append(
                self._decoders.get(stream, self._decoders[1]).decode(bytes(self._buffer[at : at + size]))
            )
            at += size
        del self._buffer[:at]
        if text:
            self._log("".join(text))
