"""One TLS connection that carries many connections side by side, each at the speed of its own reader. Second part of the agent.

Frames: a kind, a stream, a length, then so many bytes. Silence is asked for a sign of life; too much of it is an end.
"""

import socket
import ssl
import time
from collections import deque

from runners.agents.stream import (
    BYE,
    COUNT,
    CREDIT,
    DATA,
    END,
    HEAD,
    HELLO,
    LATER,
    OPEN,
    PING,
    PONG,
    READ,
    RESET,
    TYPE_CHECKING,
    WRITE,
    Loop,
    Stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "1"  # of the words
FULL = 1 << 18  # bytes that wait for the cable; above it no stream is read
MOST = 512  # streams at once
QUIET = 10.0  # seconds without a word from the other side
STRANGE = "the other side spoke words that are not known here: bring both to the same version"


class Cable:
    """`begin`: called with a stream of the other side's when bytes came for it; without it the other side opens none.
    `ended`: called once, with why, and after how many seconds to come again."""

    def __init__(
        self,
        loop: Loop,
        line: ssl.SSLSocket,
        ended: "Callable[[str, int], None]",
        begin: "Callable[[Stream], None] | None" = None,
        quiet: float = QUIET,
    ) -> None:
        self.loop, self._line, self._ended, self._begin, self._quiet = loop, line, ended, begin, quiet
        self.streams: "dict[int, Stream]" = {}
        self.queue: "deque[Stream]" = deque()  # those that have something to say, in turn
        self.alive = True
        self._frames: "list[bytes]" = []
        self._piece = b""  # what OpenSSL has begun to send must be given to it again as it is
        self._waiting = self._last = 0
        self._came = bytearray()
        self._heard = self._asked = time.monotonic()
        self._words = {
            OPEN: self._open,
            DATA: self._data,
            CREDIT: self._credit,
            END: self._end,
            RESET: self._reset,
            PING: self._ping,
            PONG: self._pong,
            HELLO: self._hello,
            BYE: self._bye,
        }
        line.setblocking(False)
        loop.want(line, READ, self.ready)

    def stream(self, near: socket.socket) -> None:
        """For a connection that came on this machine. The other side hears of it with its first bytes."""
        self._last += 1
        near.setblocking(False)
        made = self.streams[self._last] = Stream(self, self._last, near)
        made.look()

    def send(self, kind: int, number: int = 0, data: bytes = b"") -> None:
        self._frames.append(HEAD.pack(kind, number, len(data)) + data)
        self._waiting += HEAD.size + len(data)

    def pump(self) -> None:
        """Sends what waits, and reads streams in turn while there is room."""
        while self.alive:
            while self.queue and self._waiting < FULL:
                self.queue.popleft().read()
            if not self._flush() or not self.queue:
                return

    def ready(self, events: int) -> None:
        if events & READ:
            self._take()
        self.pump()

    def tick(self) -> float:
        """Asks for a sign of life when it is time. Returns in how many seconds it is time again."""
        now = time.monotonic()
        silence, asked = now - self._heard, now - self._asked
        if silence > self._quiet * 2.5:
            self.end(f"no sign of life from the other side for {silence:.0f} s")
        elif silence >= self._quiet and asked >= self._quiet:
            self._asked, asked = now, 0.0
            self.send(PING)
            self.pump()
        return max(0.05, min(self._quiet - min(silence, asked), self._quiet * 2.5 - silence))

    def bye(self, why: str, seconds: int = 0, told: str = "") -> None:
        """Tells the other side, as far as that goes at once, and ends."""
        self.send(BYE, seconds, (told or why).encode()[:1000])
        self._flush()
        self.end(why)

    def end(self, why: str, seconds: int = 0) -> None:
        if not self.alive:
            return
        self.alive = False
        for stream in list(self.streams.values()):
            self.drop(stream)
        self.loop.forget(self._line)
        self._ended(why, seconds)

    def drop(self, stream: Stream) -> None:
        self.streams.pop(stream.number, None)
        if stream.near is not None:
            self.loop.forget(stream.near)
            stream.near = None

    def heard(self, data: bytes) -> None:
        """Bytes of the other side: whole frames are done, the rest waits."""
        self._heard = time.monotonic()
        self._came += data
        at = 0
        while self.alive and len(self._came) - at >= HEAD.size:
            kind, number, size = HEAD.unpack_from(self._came, at)
            word = self._words.get(kind)
            if word is not None and len(self._came) - at < HEAD.size + size:
                break
            at += HEAD.size + size
            if word is None or not word(number, bytes(self._came[at - size : at])):
                self.end(STRANGE)
        del self._came[:at]

    def _flush(self) -> bool:
        """False: the cable takes no more now."""
        while self.alive and (self._piece or self._frames):
            if not self._piece:
                self._piece, self._frames = b"".join(self._frames), []
            try:
                sent = self._line.send(self._piece)
            except ssl.SSLWantWriteError:
                self.loop.want(self._line, READ | WRITE, self.ready)
                return False
            except LATER:
                return False
            except OSError as error:
                self.end(words_of(error))
                return False
            self._waiting -= sent
            self._piece = self._piece[sent:]
        if self.alive:
            self.loop.want(self._line, READ, self.ready)
        return self.alive

    def _take(self) -> None:
        while self.alive:
            try:
                data = self._line.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self.end(words_of(error))
                return
            if not data:
                self.end("the other side closed the connection")
                return
            self.heard(data)

    def _open(self, number: int, data: bytes) -> bool:
        if self._begin is None or number in self.streams:
            return False
        if len(self.streams) < MOST:
            self.streams[number] = Stream(self, number)
        else:
            self.send(RESET, number)
        return True

    def _data(self, number: int, data: bytes) -> bool:
        stream = self.streams.get(number)
        if stream is None:
            return True  # it was ended here, which the other side does not know yet
        if not stream.arrived(data):
            return False
        if stream.near is None and self._begin is not None:
            self._begin(stream)
        else:
            stream.flush()
        return True

    def _credit(self, number: int, data: bytes) -> bool:
        stream = self.streams.get(number)
        if len(data) == COUNT.size and stream is not None:
            stream.credited(COUNT.unpack(data)[0])
        return len(data) == COUNT.size

    def _end(self, number: int, data: bytes) -> bool:
        if number in self.streams:
            self.streams[number].end()
        return True

    def _reset(self, number: int, data: bytes) -> bool:
        if number in self.streams:
            self.streams[number].end(reset=True)
        return True

    def _ping(self, number: int, data: bytes) -> bool:
        self.send(PONG)
        return True

    def _pong(self, number: int, data: bytes) -> bool:
        return True

    def _hello(self, number: int, data: bytes) -> bool:
        return data == VERSION.encode()

    def _bye(self, number: int, data: bytes) -> bool:
        self.end(plain(data), number)
        return True


def plain(data: bytes) -> str:
    """Words of another machine, in one line that no terminal or log takes for anything else."""
    text = data.decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:500]


def words_of(error: OSError) -> str:
    return str(error.strerror or error or type(error).__name__)
