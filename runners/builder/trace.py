"""BuildKit's progress, base64 of a protobuf, as the lines that `docker build --progress=plain` would print.

Reads only the fields it needs (StatusResponse: vertexes, logs); unknown ones are skipped. Keeps numbers of steps.
"""

import base64
import codecs
import time
from collections.abc import Iterator

from runners.builder.protobuf import Value, fields

VERTEX, LOG = 1, 3  # fields of a StatusResponse
DIGEST, NAME, CACHED, STARTED, COMPLETED, ERROR = 1, 3, 4, 5, 6, 7  # of a Vertex
OF_VERTEX, MESSAGE = 1, 4  # of a VertexLog


class Trace:
    """One build. Steps are numbered in the order in which they begin."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._begun: dict[bytes, float] = {}
        self._over: set[bytes] = set()
        self._open_line: bytes = b""
        self._decoders: dict[bytes, codecs.IncrementalDecoder] = {}

    def lines(self, aux: str) -> Iterator[str]:
        for field, value in fields(base64.b64decode(aux)):
            if isinstance(value, bytes) and field == VERTEX:
                yield from self._step(_message(value))
            elif isinstance(value, bytes) and field == LOG:
                yield from self._said(_message(value))

    def _step(self, vertex: dict[int, Value]) -> Iterator[str]:
        digest = _bytes(vertex, DIGEST)
        if STARTED in vertex and digest not in self._numbers:
            self._numbers[digest] = len(self._numbers) + 1
            self._begun[digest] = time.monotonic()
            yield from self._end_line(b"")
            yield f"#{self._numbers[digest]} {_bytes(vertex, NAME).decode('utf-8', 'replace')}\n"
        if COMPLETED in vertex and digest in self._numbers and digest not in self._over:
            self._over.add(digest)
            yield from self._end_line(b"")
            yield f"#{self._numbers[digest]} {self._outcome(vertex, digest)}\n"

    def _outcome(self, vertex: dict[int, Value], digest: bytes) -> str:
        if ERROR in vertex:
            return f"ERROR: {_bytes(vertex, ERROR).decode('utf-8', 'replace')}"
        if vertex.get(CACHED):
            return "CACHED"
        return f"DONE {time.monotonic() - self._begun[digest]:.1f}s"

    def _said(self, log: dict[int, Value]) -> Iterator[str]:
        digest = _bytes(log, OF_VERTEX)
        decoder = self._decoders.setdefault(digest, codecs.getincrementaldecoder("utf-8")("replace"))
        text = decoder.decode(_bytes(log, MESSAGE))
        if not text:
            return
        yield from self._end_line(digest)
        prefix = f"#{self._numbers.get(digest, 0)} "
        body = text[:-1] if text.endswith("\n") else text
        lead = "" if self._open_line == digest else prefix
        yield lead + body.replace("\n", f"\n{prefix}") + ("\n" if text.endswith("\n") else "")
        self._open_line = b"" if text.endswith("\n") else digest

    def _end_line(self, speaker: bytes) -> Iterator[str]:
        """Half a line of one step is never continued by another."""
        if self._open_line and self._open_line != speaker:
            self._open_line = b""
            yield "\n"


def _message(data: bytes) -> dict[int, Value]:
    return dict(fields(data))


def _bytes(message: dict[int, Value], field: int) -> bytes:
    value = message.get(field, b"")
    return value if isinstance(value, bytes) else b""
