"""Connections to the engines of hosts that dial out: by the socket of the door on this machine, or over the machine of the
control plane where the agent's cable ends. Which of the two is looked at for each connection: a cable moves, callers stay.
"""

import socket

from pipeline.errors import ShipwayError, Unreachable
from pipeline.fleet.agent import AgentSeen
from pipeline.fleet.host import Host
from runners.agents.peers import NoCable, Peers
from runners.agents.record import AgentFolder

CONNECT = 5.0
INSTALL = "`systemctl status shipway-agent` on that machine tells its side"


class AgentRoads:
    """Implements the port `Agents`. `peers` None: this machine is all there is."""

    def __init__(self, folder: str, peers: Peers | None = None) -> None:
        self._folder, self._peers = AgentFolder(folder), peers

    def demand(self, host: Host) -> None:
        """Raises `Unreachable` while its agent is away, `Rejected` when that can be no agent."""
        if self._folder.socket(host.agent).exists():
            return
        if self._peers is None:
            seen = self._folder.seen(host.agent)
            raise _away(host, f"is {seen.said}" if seen else "never connected here")
        try:
            self._peers.demand(host.agent)
        except NoCable as error:
            raise _away(host, str(error)) from error

    def open(self, host: Host) -> socket.socket:
        """A connection. Raises OSError, `Unreachable`, `Rejected`."""
        path = self._folder.socket(host.agent)
        try:
            return _called(str(path))
        except (FileNotFoundError, ConnectionRefusedError):  # refused: left behind by a door that was killed
            if self._peers is None:
                raise
        try:
            return self._peers.open(host.agent)
        except NoCable as error:
            raise _away(host, str(error)) from error

    def seen(self, name: str) -> AgentSeen | None:
        """The others are asked unless it is here; while nobody can be asked, what is known here is all that is known."""
        here = self._folder.seen(name)
        if self._peers is None or (here is not None and here.connected):
            return here
        try:
            return self._peers.seen(name) or here
        except ShipwayError:
            return here

    def close(self) -> None:
        if self._peers is not None:
            self._peers.close()


def _called(path: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(CONNECT)
    try:
        line.connect(path)
    except OSError:
        line.close()
        raise
    return line


def _away(host: Host, why: str) -> Unreachable:
    return Unreachable(
        f"Host {host.name}: its agent {why}. {INSTALL}; `shipway hosts` tells when it is back."
    )
