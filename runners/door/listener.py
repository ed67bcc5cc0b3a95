"""Accepts connections of hosts: a handshake, one request, one answer; or an agent, whose socket is handed on.

Every connection has a thread and a deadline, and there are only so many at once. Knows no rule of who may join: the
answer is made by `answer`, and whom a connection that stays is for is told by `host_of`. What goes wrong with one
connection ends that one alone.
"""

import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pipeline.errors import ShipwayError
from runners.door.identity import DoorIdentity, serial_of
from runners.door.message import Answered, Asked, Malformed, read_request

log = logging.getLogger("shipway.door")

PATIENCE = 15.0  # seconds for handshake, request and answer together
AT_ONCE = 64  # connections that are being answered; an agent that is handed on counts no more
TICK = 6.0  # seconds between our signs of life
SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {}\r\n\r\n"

Answer = Callable[[Asked], Answered]
HostOf = Callable[[Asked], str]  # the host that it is for; raises ShipwayError
OnAgent = Callable[[ssl.SSLSocket, str], None]  # owns the socket from then on; may return at once, or stay


@dataclass(frozen=True)
class Guests:
    """Who may stay: where they ask for it, and the protocol that they ask to change to."""

    path: re.Pattern[str]
    protocol: str


AGENTS = Guests(re.compile("/agent"), "shipway-agent")


class Door:
    """`on_agent` None: nobody may stay, and is told so."""

    def __init__(
        self,
        listener: socket.socket,
        identity: DoorIdentity,
        answer: Answer,
        host_of: HostOf,
        on_agent: OnAgent | None = None,
        guests: Guests = AGENTS,
    ) -> None:
        self._listener = listener
        self._identity = identity
        self._answer = answer
        self._host_of = host_of
        self._on_agent = on_agent
        self._guests = guests
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._ending = threading.Event()

    def serve(self, beat: Callable[[], None] = lambda: None) -> None:
        """Until `end`."""
        self._listener.settimeout(TICK)
        while not self._ending.is_set():
            beat()
            try:
                line, peer = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                self._refused(error)
                continue
            self._receive(line, str(peer[0]).removeprefix("::ffff:"))

    def end(self) -> None:
        """From any thread, and from a signal's handler."""
        self._ending.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`

    def _refused(self, error: OSError) -> None:
        """A machine without free descriptors has some later; a listener that was shut down ends the loop."""
        if not self._ending.wait(1.0):
            log.error("door could not accept", extra={"error": str(error)})

    def _receive(self, line: socket.socket, peer: str) -> None:
        if not self._room.acquire(blocking=False):
            log.warning("door is full, turned away", extra={"peer": peer})
            line.close()
            return
        threading.Thread(target=self._attend, args=(line, peer), name=f"door {peer}", daemon=True).start()

    def _attend(self, line: socket.socket, peer: str) -> None:
        agent = ""
        try:
            line.settimeout(PATIENCE)
            safe = self._identity.context().wrap_socket(line, server_side=True, do_handshake_on_connect=False)
        except (OSError, ShipwayError) as error:
            self._room.release()
            line.close()
            log.warning("door could not greet", extra={"peer": peer, "error": str(error)})
            return
        try:
            agent = self._spoken(safe, peer)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            log.info("door was left", extra={"peer": peer, "error": str(error)})
        finally:
            self._room.release()
            if not agent:
                _close(safe)
        if agent and self._on_agent is not None:
            self._on_agent(safe, agent)

    def _spoken(self, safe: ssl.SSLSocket, peer: str) -> str:
        """The host whose agent stays; empty: it was answered and is over."""
        deadline = time.monotonic() + PATIENCE
        safe.do_handshake()

        def receive(most: int) -> bytes:
            safe.settimeout(max(0.01, deadline - time.monotonic()))
            return safe.recv(most)

        try:
            asked = read_request(receive)
            asked = Asked(asked.method, asked.path, asked.headers, asked.body, peer, serial_of(safe))
            host = self._agent_of(asked)
            if host:
                safe.sendall(SWITCHING.format(self._guests.protocol).encode())
                safe.settimeout(None)
                return host
            answered = self._answer(asked)
        except Malformed as error:
            _let_finish(safe)
            answered = Answered(error.status, f"{error}\n".encode())
        except ShipwayError as error:
            answered = Answered(error.status, f"{error}\n".encode())
        safe.settimeout(max(0.01, deadline - time.monotonic()))
        safe.sendall(answered.bytes())
        return ""

    def _agent_of(self, asked: Asked) -> str:
        if asked.method != "GET" or not self._guests.path.fullmatch(asked.path):
            return ""
        if asked.headers.get("upgrade") != self._guests.protocol:
            raise Malformed(426, f"Who stays here asks to change to {self._guests.protocol}.")
        if self._on_agent is None:
            raise Malformed(404, "No agent is expected here.")
        return self._host_of(asked)


def _let_finish(safe: ssl.SSLSocket) -> None:
    """What was not read when a line is closed takes our answer with it."""
    safe.settimeout(0.2)
    with suppress(OSError):
        for _ in range(16):
            if not safe.recv(16 << 10):
                return


def _close(safe: ssl.SSLSocket) -> None:
    with suppress(OSError, ValueError):
        safe.settimeout(1.0)
        safe.unwrap()
    safe.close()
