"""Reads one HTTP/1.1 answer as its bytes arrive: by length, by chunks, as WebSocket frames up to the one that closes, or to the
end of the connection. Keeps no body."""

import re

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_VERSION = re.compile(rb"\r\nx-version:\s*([^\r]*)", re.IGNORECASE)
_END = b"0\r\n\r\n"
_CLOSE_FRAME = 8


class Answer:
    """Feed it until `whole`."""

    def __init__(self) -> None:
        self.head = b""
        self.status = 0
        self.closes = False
        self.version = ""
        self.whole = False
        self.started = False
        self._length: int | None = None
        self._chunked = False
        self._got = 0
        self._tail = b""
        self._frames = b""

    def feed(self, data: bytes) -> None:
        self.started = True
        if not self.status:
            self.head += data
            top, found, data = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            self._read_head(top)
        self._got += len(data)
        self._tail = (self._tail + data)[-len(_END) :]
        if self.status == 101:
            self.whole = self.whole or self._closed(data)
        elif self._chunked:
            self.whole = self._tail == _END
        elif self._length is not None:
            self.whole = self._got >= self._length

    def end(self) -> None:
        """The connection ended: an answer without length, chunks or frames is whole now."""
        open_ended = self.status not in {0, 101} and not self._chunked and self._length is None
        self.whole = self.whole or open_ended

    def _closed(self, data: bytes) -> bool:
        """Servers' frames are not masked; ours are short (RFC 6455 §5.2)."""
        self._frames += data
        while len(self._frames) >= 2:
            size = 2 + (self._frames[1] & 0x7F)
            if len(self._frames) < size:
                return False
            if self._frames[0] & 0x0F == _CLOSE_FRAME:
                return True
            self._frames = self._frames[size:]
        return False

    def _read_head(self, top: bytes) -> None:
        self.status = int(top[9:12])
        length = _LENGTH.search(top)
        self._length = int(length[1]) if length else (0 if self.status in {204, 304} else None)
        self._chunked = _CHUNKED.search(top) is not None
        self.closes = _CLOSE.search(top) is not None
        version = _VERSION.search(top)
        self.version = version[1].decode(errors="replace").strip() if version else ""
