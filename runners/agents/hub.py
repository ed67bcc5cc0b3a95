"""Our end of the agents: each connected host's engine as a unix socket in the data folder, for every process of this machine.

One thread in the door's process, however many hosts. An agent that connects takes the place of one with the same name:
after a cut cable the old connection may look alive for a while. Other machines of the control plane reach the same
sockets by a cable of their own, a loan. Knows no engine and reads no request.
"""

import logging
import os
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from pipeline.fleet.agent import AgentSeen
from runners.agents.cable import QUIET, Cable, words_of
from runners.agents.loan import Loan
from runners.agents.record import AgentFolder
from runners.agents.stream import READ, Loop
from runners.socket_folder import own

log = logging.getLogger("shipway.agents")

REPLACED = 60  # seconds that a replaced agent stays away: two machines with one certificate must not fight
BACKLOG = 256


class Hub:
    """`start` before the first agent; `take`, `lend` and `end` from any thread; `close` says goodbye to all. `told`: called
    with what is known of an agent whenever that changes; must not wait for anything."""

    def __init__(
        self,
        folder: str,
        quiet: float = QUIET,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        died: Callable[[], None] = lambda: os._exit(70),
        told: Callable[[str, AgentSeen], None] = lambda name, seen: None,
    ) -> None:
        self._folder = AgentFolder(folder)
        self._quiet, self._now, self._died, self._told = quiet, now, died, told
        self._loop = Loop()
        self._seats: dict[str, Seat] = {}
        self._loans: set[Loan] = set()
        self._jobs: deque[Callable[[], None]] = deque()
        self._wakes, self._wake = socket.socketpair()
        self._ending = False
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name="agents", daemon=True)

    def start(self) -> None:
        for place in self._folder.places:
            own(place)
        for stale in chain.from_iterable(place.glob("*.sock") for place in self._folder.places):
            self._leave_behind(stale.stem)
        self._wakes.setblocking(False)
        self._loop.want(self._wakes, READ, self._woken)
        self._thread.start()

    def take(self, line: ssl.SSLSocket, name: str) -> None:
        """A connection whose certificate is good, of the host of this name; it was told that its protocol is taken up. Ours
        from now on. Raises `Rejected` when no host can have that name."""
        path = self._folder.socket(name)
        try:
            host, port = line.getpeername()[:2]
        except OSError:
            line.close()  # it went away again
            return
        self._do(lambda: self._seat(line, name, str(path), f"{host}:{port}"))

    def lend(self, line: ssl.SSLSocket, name: str) -> None:
        """A connection of another machine of ours, for the engine of this host; it was told that its protocol is taken up.
        Ours from now on. Raises `Rejected` when no host can have that name."""
        path = str(self._folder.socket(name))
        self._do(lambda: self._lend(line, name, path))

    def superseded(self, name: str, since: datetime, at: str) -> None:
        """Its agent came to another machine later than at `since`; one that came here again meanwhile stays."""

        def job() -> None:
            if name in self._seats and self._seats[name].since == since:
                self._dismiss(name, f"another agent with its certificate came, to {at}", REPLACED)

        self._do(job)

    def end(self, name: str, why: str, seconds: int = 0) -> None:
        """As when its certificate is revoked. It may come again after so many seconds. Absent is fine."""
        self._do(lambda: self._dismiss(name, why, seconds))

    def connected(self) -> frozenset[str]:
        return frozenset(self._seats)

    def close(self) -> None:
        self._do(self._finish)
        self._thread.join()
        self._wake.close()

    def _do(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        with suppress(OSError):  # it is over, and the process ends
            self._wake.send(b".")

    def _run(self) -> None:
        """A door without it would leave hosts in the dark: then the whole process ends, and is started again."""
        try:
            while not self._ending:
                self._loop.turn(self._pause())
                while self._jobs:
                    self._jobs.popleft()()
        finally:
            if not self._ending:
                self._died()

    def _finish(self) -> None:
        for name in list(self._seats):
            self._dismiss(name, "Shipway's door was stopped", 1)
        for loan in list(self._loans):
            loan.cable.bye("Shipway's door was stopped")
        self._loop.close()
        self._ending = True

    def _pause(self) -> float:
        """Also gives every cable its turn to look whether the other side lives, not more often than is needed."""
        now = time.monotonic()
        if now >= self._due:
            cables = [seat.cable for seat in self._seats.values()] + [loan.cable for loan in self._loans]
            soonest = min((cable.tick() for cable in cables), default=self._quiet)
            self._due = now + max(self._quiet / 10, soonest)
        return max(0.0, self._due - now)

    def _woken(self, events: int) -> None:
        self._wakes.recv(4096)

    def _seat(self, line: ssl.SSLSocket, name: str, path: str, peer: str) -> None:
        """The record before the socket, here and when it goes: who finds the socket finds it right."""
        self._dismiss(name, f"another agent with its certificate came, from {peer}", REPLACED)
        since = self._now()
        self._write(name, AgentSeen(True, since, peer))
        try:
            seat = Seat(self._loop, line, path, peer, since, partial(self._left, name), self._quiet)
        except OSError as error:
            why = f"no socket at {path}: {words_of(error)}"
            log.error("agent refused", extra={"host": name, "why": why})
            self._write(name, AgentSeen(False, self._now(), peer, why))
            line.close()
            return
        self._seats[name] = seat
        log.info("agent connected", extra={"host": name, "from": peer})

    def _dismiss(self, name: str, why: str, seconds: int) -> None:
        if name in self._seats:
            self._seats[name].cable.bye(why, seconds)

    def _left(self, name: str, why: str) -> None:
        seat = self._seats.pop(name)
        log.warning("agent away", extra={"host": name, "why": why})
        self._write(name, AgentSeen(False, self._now(), seat.peer, why))
        for loan in [loan for loan in self._loans if loan.host == name]:
            loan.cable.bye(f"its agent went: {why}")

    def _lend(self, line: ssl.SSLSocket, name: str, path: str) -> None:
        loan = Loan(self._loop, line, name, path, self._loans.discard, self._quiet)
        self._loans.add(loan)
        if name in self._seats:
            loan.begin()
        else:
            loan.cable.bye("its agent is not connected there")

    def _write(self, name: str, seen: AgentSeen) -> None:
        self._folder.write(name, seen)
        self._told(name, seen)

    def _leave_behind(self, name: str) -> None:
        """Of a door that did not end well."""
        self._folder.socket(name).unlink(missing_ok=True)
        known = self._folder.written(name)
        if known is not None and known.connected:
            why = "Shipway's door was started again"
            self._write(name, AgentSeen(False, self._now(), known.peer, why))


class Seat:
    """One connected agent: its cable, and the socket here whose connections go through it."""

    def __init__(
        self,
        loop: Loop,
        line: ssl.SSLSocket,
        path: str,
        peer: str,
        since: datetime,
        left: Callable[[str], None],
        quiet: float,
    ) -> None:
        self.peer, self.since = peer, since
        self._loop, self._path, self._left = loop, path, left
        self._door = _listening(path)
        self.cable = Cable(loop, line, self._ended, quiet=quiet)
        loop.want(self._door, READ, self._accept)

    def _accept(self, events: int) -> None:
        try:
            near, _ = self._door.accept()
        except OSError:
            return  # it went away again, or we have too many files: it is asked for again
        self.cable.stream(near)

    def _ended(self, why: str, seconds: int) -> None:
        self._left(why)
        Path(self._path).unlink(missing_ok=True)
        self._loop.forget(self._door)


def _listening(path: str) -> socket.socket:
    """For this user alone: who reaches it is root on that host. It gets its name when it listens, not a moment before."""
    made, new = socket.socket(socket.AF_UNIX), Path(f"{path}.new")
    try:
        new.unlink(missing_ok=True)
        made.bind(str(new))
        new.chmod(0o600)
        made.listen(BACKLOG)
        made.setblocking(False)
        new.rename(path)
    except OSError:
        made.close()
        raise
    return made
