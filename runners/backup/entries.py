"""The files inside of a backup, one after the other, each with its checksum: written and read without holding one whole.

    length, {"path", "mode"} · (length, bytes)… · 0 · SHA-256 of the bytes      and at the end      length, {"entries": n}

Compressed as one stream. Knows nothing of what the files mean, nor how they are encrypted.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import zstandard

from pipeline.errors import Rejected

LEVEL = 3
LARGEST = 8 << 20  # bytes of one piece
LONGEST_HEAD = 64 << 10
LENGTH = struct.Struct(">I")


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class Spring(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass
class Entry:
    """`pieces` must be gone through before the next entry is asked for."""

    path: str
    mode: int
    pieces: Iterator[bytes]


class EntryWriter:
    def __init__(self, sink: Sink) -> None:
        self._out = zstandard.ZstdCompressor(level=LEVEL).stream_writer(sink, closefd=False)  # type: ignore[arg-type]
        self.count = 0

    def add(self, path: str, pieces: Iterable[bytes], mode: int = 0o600) -> None:
        self._head({"path": path, "mode": mode})
        digest = hashlib.sha256()
        for piece in pieces:
            for at in range(0, len(piece), LARGEST):
                part = piece[at : at + LARGEST]
                digest.update(part)
                self._out.write(LENGTH.pack(len(part)) + part)
        self._out.write(LENGTH.pack(0) + digest.digest())
        self.count += 1

    def add_json(self, path: str, value: object) -> None:
        self.add(path, [json.dumps(value, sort_keys=True).encode()])

    def finish(self) -> None:
        self._head({"entries": self.count})
        self._out.close()  # type: ignore[no-untyped-call]

    def _head(self, head: dict[str, Any]) -> None:
        text = json.dumps(head).encode()
        self._out.write(LENGTH.pack(len(text)) + text)


def entries(spring: Spring) -> Iterator[Entry]:
    """All of them; raises `Rejected` when the stream ends before its end, or a checksum does not fit."""
    source = zstandard.ZstdDecompressor().stream_reader(spring)  # type: ignore[arg-type]
    count = 0
    while True:
        head = _head(source)
        if "entries" in head:
            if head["entries"] != count:
                raise Rejected(f"The backup should hold {head['entries']} files and holds {count}.")
            if source.read(1):
                raise Rejected("Something follows behind the end of the backup.")
            return
        entry = Entry(str(head["path"]), int(head["mode"]), _pieces(source, str(head["path"])))
        yield entry
        for _ in entry.pieces:
            continue
        count += 1


def text_of(entry: Entry) -> bytes:
    return b"".join(entry.pieces)


def _head(source: Spring) -> dict[str, Any]:
    (length,) = LENGTH.unpack(_exactly(source, LENGTH.size))
    if length > LONGEST_HEAD:
        raise Rejected("The backup is damaged inside: a file's head is too long.")
    head: dict[str, Any] = json.loads(_exactly(source, length))
    return head


def _pieces(source: Spring, path: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    while True:
        (length,) = LENGTH.unpack(_exactly(source, LENGTH.size))
        if length > LARGEST:
            raise Rejected(f"The backup is damaged inside {path}.")
        if not length:
            break
        piece = _exactly(source, length)
        digest.update(piece)
        yield piece
    if _exactly(source, digest.digest_size) != digest.digest():
        raise Rejected(f"{path} is not in the backup as it was written.")


def _exactly(source: Spring, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = source.read(size - len(found))
        if not more:
            raise Rejected("The backup ends before its end.")
        found += more
    return found
