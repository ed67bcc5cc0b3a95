"""Sends webhooks over kept connections from one epoll loop, as fast as they are answered or at a rate, and times each answer.
Counts, never retries: what was not answered is told apart from what was refused."""

import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.load.answer import Answer

PATIENCE = 60.0  # seconds without any answer until a server is given up


@dataclass
class Sent:
    """What became of the webhooks. `acknowledged`: the numbers of those that were answered 2xx."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.acknowledged) / self.seconds

    def share(self, part: float) -> float:
        """A quantile of the waits, in seconds."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(len(self.waits) * part))]


@dataclass
class _Line:
    sock: socket.socket
    number: int = -1
    due: float = 0.0
    answer: Answer = field(default_factory=Answer)
    left: bytes = b""


class HookLoad:
    """`make(number)` gives the bytes of a request. A connection that breaks is opened anew for the next webhook."""

    def __init__(self, port: int, make: Callable[[int], bytes], connections: int = 16) -> None:
        self._port = port
        self._make = make
        self._connections = connections
        self._poll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self.sent = Sent()

    def run(self, numbers: Iterator[int], seconds: float = 1e9, rate: float = 0.0) -> Sent:
        """Until the numbers or the time are used up. With a rate a wait counts from when the webhook was due."""
        begin = time.monotonic()
        dues = (begin + at / rate if rate else 0.0 for at in range(1 << 40))
        idle = [self._open() for _ in range(self._connections)]
        following: float | None = next(dues)
        while following is not None or len(idle) < len(self._lines):
            now = time.monotonic()
            while following is not None and idle and following <= now:
                number = next(numbers, None) if now - begin < seconds else None
                if number is None:
                    following = None
                    break
                self._send(idle.pop(), number, following or now)
                following = next(dues)
            pause = min(1.0, max(0.0, (following or now + 1) - now)) if idle else 1.0
            idle += self._receive(pause)
        self.sent.seconds = time.monotonic() - begin
        self._close()
        return self.sent

    def _open(self) -> _Line:
        sock = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(sock)
        self._lines[sock.fileno()] = line
        self._poll.register(sock.fileno(), select.EPOLLIN)
        return line

    def _send(self, line: _Line, number: int, due: float) -> None:
        line.number, line.due, line.answer = number, due, Answer()
        try:
            line.sock.sendall(self._make(number))
        except OSError:
            line.answer.whole = False  # the loop sees the connection's end

    def _receive(self, pause: float) -> list[_Line]:
        done = []
        for descriptor, _ in self._poll.poll(pause):
            line = self._lines[descriptor]
            try:
                data = line.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                done.append(self._again(line))
                continue
            line.answer.feed(data)
            if line.answer.whole:
                done.append(self._again(line) if self._count(line) else line)
        return done

    def _count(self, line: _Line) -> bool:
        """True: the server closes this connection."""
        status = line.answer.status
        self.sent.statuses[status] += 1
        self.sent.waits.append(time.monotonic() - line.due)
        if 200 <= status < 300:
            self.sent.acknowledged.append(line.number)
        return line.answer.closes

    def _again(self, line: _Line) -> _Line:
        if not line.answer.whole and line.number >= 0:
            self.sent.broken.append(line.number)
        self._poll.unregister(line.sock.fileno())
        del self._lines[line.sock.fileno()]
        line.sock.close()
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._open()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def _close(self) -> None:
        for line in self._lines.values():
            line.sock.close()
        self._lines.clear()
        self._poll.close()
