"""Engines of hosts whose agents are connected to another machine of the control plane: one cable to that machine's door for
each host that is called from this process, with a certificate that our authority for controllers signed.

Where an agent's cable ends is asked of the database whenever there is none of ours to it. A door that is called shows a
certificate of the same authority, whose key lies on no host. One thread in a process that needs it, none in others.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from pipeline.fleet.agent import AgentSeen, CableEnd
from runners.agents.agent import taken_up
from runners.agents.cable import QUIET, words_of
from runners.agents.relay import Relay, Relays

SERVER_NAME = "door.controllers.shipway.internal"  # in the certificate that a door shows to its peers
PROTOCOL = "shipway-peer"
REQUEST = "GET /peer/{} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: {}\r\n\r\n"
GREETING = "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n"
PATIENCE = 5.0  # seconds for connection, handshake and answer, each
AGAIN = 1.0  # seconds between two calls at a machine that just failed


class NoCable(Exception):
    """To that host there is none, with why: what follows "its agent"."""


class Ends(Protocol):
    def end_of(self, host: str) -> CableEnd | None:
        """Where its newest cable ends, or ended. None: it never had one. Raises `Unreachable`."""


class Peers:
    """Thread-safe. `context`: with our certificate, for the next call. `machine`: our own id; a cable that ends here is not
    called. After a fork the child begins anew."""

    def __init__(
        self,
        ends: Ends,
        machine: Callable[[], str],
        context: Callable[[], ssl.SSLContext],
        quiet: float = QUIET,
    ) -> None:
        self._ends, self._machine, self._context, self._quiet = ends, machine, context, quiet
        self._begin()

    def open(self, name: str) -> socket.socket:
        """One connection to that host's engine. Raises `NoCable`, or `Unreachable` when nobody knows."""
        near = self._relay(name).stream()
        if near is None:
            raise NoCable("was called over a machine whose door has just gone")
        return near

    def demand(self, name: str) -> None:
        """Raises as `open` does."""
        self._relay(name)

    def seen(self, name: str) -> AgentSeen | None:
        """Raises `Unreachable`."""
        end = self._ends.end_of(name)
        if end is None:
            return None
        if end.seen.connected and not end.alive:
            return replace(end.seen, connected=False, error=f"{_machine(end)} gives no sign of life", at="")
        return end.seen if end.machine != self._machine() else replace(end.seen, at="")

    def greet(self, place: str) -> None:
        """Both certificates are shown, and a word is answered. Raises OSError or ValueError with why not."""
        with self._line(place) as line:
            line.sendall(GREETING.format(place).encode("ascii"))
            if not line.recv(16).startswith(b"HTTP/"):
                raise ValueError("it hung up without a word")

    def close(self) -> None:
        if self._pid == os.getpid() and self._relays is not None:
            self._relays.close()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._kept: dict[str, Relay] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._relays: Relays | None = None

    def _relay(self, name: str) -> Relay:
        """One that is up, as far as is known. Who comes while another one calls waits for the same."""
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            kept = self._kept.get(name)
            if kept is not None and kept.alive:
                return kept
            failed, why = self._failed.get(name, (float("-inf"), ""))
            if time.monotonic() < failed + AGAIN:
                raise NoCable(why)
            try:
                made = self._kept[name] = self._called(name)
            except NoCable as error:
                self._failed[name] = time.monotonic(), str(error)
                raise
            return made

    def _called(self, name: str) -> Relay:
        end = self._there(name)
        try:
            line, said = self._dialled(name, end.place)
        except (OSError, ValueError) as error:
            why = words_of(error) if isinstance(error, OSError) else str(error)
            raise NoCable(
                f"is connected to {_machine(end)}, whose door at {end.place} cannot be called from here: {why}"
            ) from error
        with self._lock:
            if self._relays is None or self._relays.over:
                self._relays = Relays(self._quiet)
            return self._relays.relay(line, said)

    def _there(self, name: str) -> CableEnd:
        end = self._ends.end_of(name)
        if end is None:
            raise NoCable("never connected to any machine of this control plane")
        if not end.seen.connected:
            raise NoCable(f"is {end.seen.said}")
        if end.machine == self._machine():
            raise NoCable("was connected to the door on this machine, which does not run")
        if not end.alive:
            raise NoCable(f"was connected to {_machine(end)}, which gives no sign of life")
        if not end.place:
            raise NoCable(
                f"is connected to {_machine(end)}, which knows no address of its own; set enrolment.peers.address there"
            )
        return end

    def _line(self, place: str) -> ssl.SSLSocket:
        host, _, port = place.rpartition(":")
        raw = socket.create_connection((host.strip("[]"), int(port)), PATIENCE)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._context().wrap_socket(raw, server_hostname=SERVER_NAME)
        except BaseException:
            raw.close()
            raise

    def _dialled(self, name: str, place: str) -> tuple[ssl.SSLSocket, bytes]:
        line = self._line(place)
        try:
            line.sendall(REQUEST.format(name, place, PROTOCOL).encode("ascii"))
            return line, taken_up(line)
        except BaseException:
            line.close()
            raise


def _machine(end: CableEnd) -> str:
    return end.name or f"the machine {end.machine}"
