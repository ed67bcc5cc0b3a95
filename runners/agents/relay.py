"""Our end of a cable to another machine's door, and the one thread in which all of a process's lie. Knows no host."""

import logging
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from runners.agents.cable import Cable
from runners.agents.stream import READ, Loop

log = logging.getLogger("shipway.agents")


class Relays:
    """`relay` and `close` from any thread. `over`: its thread ended, make another one."""

    def __init__(self, quiet: float) -> None:
        self.quiet, self.over = quiet, False
        self.loop = Loop()
        self.cables: set[Cable] = set()
        self._jobs: deque[Callable[[], None]] = deque()
        self._wakes, self._wake = socket.socketpair()
        self._wakes.setblocking(False)
        self._due = 0.0
        self.loop.want(self._wakes, READ, self._woken)
        self._thread = threading.Thread(target=self._run, name="peers", daemon=True)
        self._thread.start()

    def relay(self, line: ssl.SSLSocket, said: bytes) -> "Relay":
        """Over a connection that the other side took up, and what it said already."""
        made = Relay(self)
        self.do(lambda: made.begin(line, said))
        return made

    def do(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        with suppress(BrokenPipeError):  # it is over
            self._wake.send(b".")

    def close(self) -> None:
        self.do(self._end)
        self._thread.join()
        self._wake.close()

    def _run(self) -> None:
        try:
            while not self.over:
                self.loop.turn(self._pause())
                while self._jobs:
                    self._jobs.popleft()()
        finally:
            self._finish()

    def _pause(self) -> float:
        """Also gives every cable its turn to look whether the other side lives, not more often than is needed."""
        now = time.monotonic()
        if now >= self._due:
            soonest = min((cable.tick() for cable in list(self.cables)), default=self.quiet)
            self._due = now + max(self.quiet / 10, soonest)
        return max(0.0, self._due - now)

    def _woken(self, events: int) -> None:
        self._wakes.recv(4096)

    def _end(self) -> None:
        self.over = True

    def _finish(self) -> None:
        """Whoever waits for a connection learns that there is none."""
        self.over = True
        while self._jobs:
            self._jobs.popleft()()
        for cable in list(self.cables):
            cable.bye("this process has no more use for it")
        self.loop.close()


class Relay:
    """`alive` until the cable's end; `stream` for each connection."""

    def __init__(self, relays: Relays) -> None:
        self.alive = True
        self._relays = relays
        self._cable: Cable | None = None

    def begin(self, line: ssl.SSLSocket, said: bytes) -> None:
        self._cable = Cable(self._relays.loop, line, self._ended, quiet=self._relays.quiet)
        self._relays.cables.add(self._cable)
        self._cable.heard(said)
        self._cable.pump()

    def stream(self) -> socket.socket | None:
        """None: the cable ended a moment ago."""
        if not self.alive:
            return None
        near, far = socket.socketpair()
        self._relays.do(lambda: self._carry(far))
        return near

    def _carry(self, far: socket.socket) -> None:
        if self._cable is None or not self._cable.alive:
            far.close()
        else:
            self._cable.stream(far)

    def _ended(self, why: str, seconds: int) -> None:
        self.alive = False
        log.info("cable to another machine ended", extra={"why": why})
        if self._cable is not None:
            self._relays.cables.discard(self._cable)
