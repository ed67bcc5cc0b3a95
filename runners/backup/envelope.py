"""One encrypted file, written and read in pieces of 64 KiB, so that it may be larger than memory.

    SHIPWAY BACKUP 1 ⏎ · length, header (JSON: how the key is found) · pieces, each with its tag

A piece is ChaCha20-Poly1305 under a key of this file alone; its nonce is its number and whether it is the last, the header
is part of what every tag vouches for. So no piece can be changed, moved, left out, repeated or cut off unnoticed.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pipeline.errors import Rejected
from runners.backup.key import BackupKey

MAGIC = b"SHIPWAY BACKUP 1\n"
PIECE = 64 << 10
TAG = 16
LONGEST_HEADER = 4096
LENGTH = struct.Struct(">I")


class EnvelopeWriter:
    """Takes bytes, gives pieces. Nothing is whole before `finish`."""

    def __init__(self, target: IO[bytes], key: BackupKey, header: Mapping[str, Any]) -> None:
        secret, told = key.fresh()
        text = json.dumps({**header, **told}, sort_keys=True).encode()
        self._target = target
        self._cipher = ChaCha20Poly1305(secret)
        self._about = hashlib.sha256(MAGIC + text).digest()
        self._held = bytearray()
        self._number = 0
        target.write(MAGIC + LENGTH.pack(len(text)) + text)

    def write(self, data: bytes) -> int:
        self._held += data
        while len(self._held) > PIECE:  # a full one is held back: it may be the last
            self._emit(bytes(self._held[:PIECE]), False)
            del self._held[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Pieces have one size; what is held is written when it is full."""

    def finish(self) -> None:
        self._emit(bytes(self._held), True)
        self._held.clear()

    def _emit(self, piece: bytes, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last), piece, self._about))
        self._number += 1


class EnvelopeReader:
    """Gives bytes that were proved, or raises `Rejected`."""

    def __init__(self, source: IO[bytes], key: BackupKey) -> None:
        self.header, text = read_header(source)
        self._source = source
        self._cipher = ChaCha20Poly1305(key.of(self.header))
        self._about = hashlib.sha256(MAGIC + text).digest()
        self._number = 0
        self._next = source.read(PIECE + TAG)
        self._held = b""
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """At most one piece; empty at the end."""
        if not self._held and not self._over:
            self._held = self._piece()
        size = len(self._held) if size < 0 else size
        found, self._held = self._held[:size], self._held[size:]
        return found

    def _piece(self) -> bytes:
        sealed, self._next = self._next, self._source.read(PIECE + TAG)
        last = not self._next
        try:
            found = self._cipher.decrypt(_nonce(self._number, last), sealed, self._about)
        except InvalidTag as error:
            raise Rejected(_why(self._number, last)) from error
        self._number += 1
        self._over = last
        return found


def read_header(source: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """What the file says of itself; not proved before its first piece is read."""
    if source.read(len(MAGIC)) != MAGIC:
        raise Rejected("This is not a backup of Shipway, or one of a version that this one cannot read.")
    size = source.read(LENGTH.size)
    length = LENGTH.unpack(size)[0] if len(size) == LENGTH.size else 0
    text = source.read(length) if length <= LONGEST_HEADER else b""
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise Rejected("The header of this backup is damaged. Take an older one.")
    return header, text


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _why(number: int, last: bool) -> str:
    if number == 0:
        return "This backup does not open: the key is another one's, or its beginning was changed."
    where = f"after {number * PIECE >> 10} KiB"
    if last:
        return f"This backup ends {where} before its end, or was changed there. Take an older one."
    return f"This backup was changed {where}. Nothing of it is taken; take an older one."
