"""One epoll loop: many connections, each with its own random (Poisson) schedule that does not wait for answers elsewhere.
Counts, never retries."""

import errno
import math
import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.load.answer import Answer
from tests.load.counts import Counts


@dataclass(frozen=True)
class Plan:
    """What one generator does. `targets` are host:port, shared out over the connections."""

    targets: tuple[str, ...]
    rate: float = 100.0  # requests a second, over all connections
    connections: int = 20
    keep_alive: bool = True
    method: str = "GET"
    path: str = "/"
    host: str = "app"
    websocket: bool = False  # a connection each; well when the server ends it by a close frame
    seconds: float = math.inf
    timeout: float = 15.0

    def request(self) -> bytes:
        body = b"hello" if self.method == "POST" else b""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {self.host}"]
        if self.websocket:
            lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        elif not self.keep_alive:
            lines += ["Connection: close"]
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body


class _State(Enum):
    CLOSED = 1
    CONNECTING = 2
    IDLE = 3
    WAITING = 4


class _Line:
    """One connection and when its next request is due."""

    def __init__(self, target: str, due: float) -> None:
        host, port = target.rsplit(":", 1)
        self.target = target
        self.address = (host, int(port))
        self.due = due
        self.state = _State.CLOSED
        self.sock: socket.socket | None = None
        self.fresh = True
        self.sent_at = 0.0
        self.answer = Answer()


class Generator:
    """Runs a plan in this thread until its time is over or `stop` says so."""

    def __init__(self, plan: Plan, stop: Callable[[], bool] = lambda: False) -> None:
        self.counts = Counts()
        self._plan = plan
        self._stop = stop
        self._request = plan.request()
        self._gap = plan.connections / plan.rate
        self._poll = select.epoll()
        self._lines: dict[int, _Line] = {}  # by file descriptor
        now = time.monotonic()
        targets = [plan.targets[i % len(plan.targets)] for i in range(plan.connections)]
        self._all = [_Line(target, now + random.random() * self._gap) for target in targets]  # noqa: S311 - not for secrets

    def run(self) -> Counts:
        """Ends when the time is over and every request under way has an outcome."""
        end = time.monotonic() + self._plan.seconds
        with self._poll:
            while True:
                now = time.monotonic()
                over = now >= end or self._stop()
                busy = self._tick(now, over)
                if over and not busy:
                    break
                for descriptor, _ in self._poll.poll(0.002):
                    line = self._lines.get(descriptor)
                    if line:
                        self._ready(line)
            for line in self._all:
                self._close(line)
        return self.counts

    def _tick(self, now: float, over: bool) -> bool:
        """Send what is due, give up what waits too long. True while a request is under way."""
        busy = False
        for line in self._all:
            if line.state is _State.CLOSED and not over and line.due <= now:
                self._connect(line)
            elif line.state is _State.IDLE and not over and line.due <= now:
                self._send(line)
            elif (
                line.state in {_State.CONNECTING, _State.WAITING} and now - line.sent_at > self._plan.timeout
            ):
                self._fail(line, "timeout")
            busy = busy or line.state in {_State.CONNECTING, _State.WAITING}
        return busy

    def _connect(self, line: _Line) -> None:
        """The request counts as sent from here on: a refused connection is a failed request."""
        line.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        line.sock.setblocking(False)
        line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.fresh = True
        line.sent_at = time.monotonic()
        self.counts.sent += 1
        self.counts.connections += 1
        self._lines[line.sock.fileno()] = line
        self._poll.register(line.sock, select.EPOLLOUT)
        line.state = _State.CONNECTING
        if line.sock.connect_ex(line.address) not in {0, errno.EINPROGRESS}:
            self._fail(line, "connect")

    def _send(self, line: _Line) -> None:
        assert line.sock
        if line.state is _State.IDLE:
            self.counts.sent += 1
            line.fresh = False
        line.answer = Answer()
        line.sent_at = time.monotonic()
        line.state = _State.WAITING
        try:
            line.sock.sendall(self._request)
        except OSError:
            self._fail(line, self._unanswered(line))
            return
        self._poll.modify(line.sock, select.EPOLLIN)

    def _ready(self, line: _Line) -> None:
        assert line.sock
        if line.state is _State.CONNECTING:
            if line.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._fail(line, "connect")
            else:
                self._send(line)
        elif line.state is _State.IDLE:
            self.counts.idle_closes += 1  # nothing is owed to us: whatever came, it is the end
            self._close(line)
        else:
            self._receive(line)

    def _receive(self, line: _Line) -> None:
        assert line.sock
        try:
            data = line.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            self._fail(line, "truncated" if line.answer.started else self._unanswered(line))
            return
        if data:
            line.answer.feed(data)
        else:
            line.answer.end()
        if line.answer.whole:
            self._done(line)
        elif not data:
            self._fail(line, "truncated" if line.answer.started else self._unanswered(line))

    def _done(self, line: _Line) -> None:
        answer, now = line.answer, time.monotonic()
        if answer.status == 101 if self._plan.websocket else 200 <= answer.status < 300:
            self.counts.ok += 1
        else:
            self.counts.fail(f"status_{answer.status}", time.time(), line.target)
        if answer.version:
            self.counts.versions[answer.version] += 1
        self.counts.slowest = max(self.counts.slowest, now - line.sent_at)
        if answer.closes or self._plan.websocket or not self._plan.keep_alive:
            self._close(line)
        else:
            line.state = _State.IDLE
        self._schedule(line, now)

    @staticmethod
    def _unanswered(line: _Line) -> str:
        return "no_response_fresh" if line.fresh else "no_response_reused"

    def _fail(self, line: _Line, kind: str) -> None:
        self.counts.fail(kind, time.time(), line.target)
        self._close(line)
        self._schedule(line, time.monotonic())

    def _schedule(self, line: _Line, now: float) -> None:
        """Open loop: the next is due by the clock, not by the last answer; what is over a second late is let go."""
        line.due += random.expovariate(1 / self._gap)
        if line.due < now - 1:
            self.counts.late += 1
            line.due = now

    def _close(self, line: _Line) -> None:
        if line.sock:
            self._lines.pop(line.sock.fileno(), None)
            line.sock.close()
            line.sock = None
        line.state = _State.CLOSED
