"""One of the many connections inside a cable, and the loop that both ends of a cable run in. First part of the agent.

Standard library only, for Python 3.6 and newer: with `cable` and `agent` it is copied to hosts as one file. What is
imported is little on purpose: an agent lives in 15 MB.
"""

import selectors
import socket
import ssl
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.agents.cable import Cable

HEAD = struct.Struct(">BIH")  # kind, stream, bytes that follow
COUNT = struct.Struct(">I")
OPEN, DATA, CREDIT, END, RESET, PING, PONG, HELLO, BYE = range(1, 10)
PIECE = 60000  # bytes of a stream in one frame, at most
WINDOW = 1 << 18  # bytes of a stream that a side holds for a reader that is slow
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
LATER = (ssl.SSLWantReadError, BlockingIOError, InterruptedError)


class Loop:
    """Sockets, and what to call when one can be read or written. For one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._events: "dict[socket.socket, int]" = {}

    def want(self, sock: socket.socket, events: int, call: "Callable[[int], None]") -> None:
        had = self._events.get(sock, 0)
        self._events[sock] = events
        if had and events and had != events:
            self._selector.modify(sock, events, call)
        elif events and not had:
            self._selector.register(sock, events, call)
        elif had and not events:
            self._selector.unregister(sock)

    def forget(self, sock: socket.socket) -> None:
        if self._events.pop(sock, 0):
            self._selector.unregister(sock)
        sock.close()

    def turn(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            if key.fileobj in self._events:  # one before it may have ended it
                key.data(events)

    def close(self) -> None:
        for sock in list(self._events):
            self.forget(sock)
        self._selector.close()


class Stream:
    """`near` is its end on this machine. Neither side sends more than the other will hold."""

    def __init__(self, cable: "Cable", number: int, near: "socket.socket | None" = None) -> None:
        self.cable, self.number, self.near = cable, number, near
        self.fence = ("", 0)
        self.told = near is None  # the other side knows of it
        self.held = bytearray()  # for `near`
        self._credit = WINDOW  # bytes that the other side will still hold
        self._owed = 0  # bytes that it may send again, and was not told
        self._ended = self._heard_end = self._shut = self._queued = False

    def attach(self, near: socket.socket) -> None:
        self.near = near
        self.flush()

    def ready(self, events: int) -> None:
        if events & WRITE:
            self.flush()
        if events & READ and self.near is not None:
            self._queued = True
            self.cable.queue.append(self)
            self.look()
        self.cable.pump()

    def read(self) -> None:
        """A piece of what `near` says, when it is this stream's turn."""
        self._queued = False
        if self.near is None or self._ended:
            return
        try:
            data = self.near.recv(min(PIECE, self._credit))
        except LATER:
            self.look()
            return
        except OSError:
            self.reset()
            return
        self._pass_on(data)
        self._finish()

    def arrived(self, data: bytes) -> bool:
        """False: more came than was allowed."""
        self.held += data
        return len(self.held) + self._owed <= WINDOW

    def credited(self, count: int) -> None:
        self._credit = min(WINDOW, self._credit + count)
        self.look()

    def end(self, reset: bool = False) -> None:
        """The other side has said all; after a reset it hears nothing any more either."""
        self._heard_end = True
        self._ended = self._ended or reset
        if self.near is None:
            self.reset()
        else:
            self.flush()

    def reset(self) -> None:
        if self.told:
            self.cable.send(RESET, self.number)
        self.cable.drop(self)

    def flush(self) -> None:
        """To `near` what it takes; then the other side may send as much again."""
        try:
            while self.near is not None and self.held:
                self.settle(self.near.send(self.held))
            if self.near is not None and self._heard_end and not self._shut:
                self._shut = True
                self.near.shutdown(socket.SHUT_WR)
        except LATER:
            self.look()
            return
        except OSError:
            self.reset()
            return
        self._finish()

    def settle(self, count: int) -> None:
        """So many bytes of what is held are done with."""
        del self.held[:count]
        self._owed += count
        if self._owed >= WINDOW // 4 and not self._heard_end:
            self.cable.send(CREDIT, self.number, COUNT.pack(self._owed))
            self._owed = 0

    def look(self) -> None:
        """Waits for what can be done now."""
        if self.near is not None:
            reads = READ if self._credit > 0 and not self._ended and not self._queued else 0
            self.cable.loop.want(self.near, reads | (WRITE if self.held else 0), self.ready)

    def _pass_on(self, data: bytes) -> None:
        if not self.told:
            self.told = True
            self.cable.send(OPEN, self.number)
        if data:
            self._credit -= len(data)
            self.cable.send(DATA, self.number, data)
        else:
            self._ended = True
            self.cable.send(END, self.number)

    def _finish(self) -> None:
        if self._ended and self._heard_end and not self.held:
            self.cable.drop(self)
        else:
            self.look()
