"""What is known of the agent of a host: whether it is connected, since when, and what went wrong last."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AgentSeen:
    """`since`: it is connected, or away, for so long. `error`: why it went, or why it cannot be told."""

    connected: bool
    since: datetime
    peer: str = ""  # the address it comes from, as seen here
    error: str = ""
    at: str = ""  # another machine of the control plane, where its cable ends

    @property
    def said(self) -> str:
        when = f"since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.connected:
            return f"connected {when}, from {self.peer}{f', at {self.at}' if self.at else ''}"
        return f"away {when}, last error: {self.error or 'none'}"


@dataclass(frozen=True)
class DoorHere:
    """The door of this machine, as others are told of it. `place`: host:port; empty: it is not known."""

    machine: str
    name: str
    place: str = ""


@dataclass(frozen=True)
class CableEnd:
    """Where the newest cable of a host ends, or ended. `place`: where that machine is called; `alive`: its door gave a sign
    of life a moment ago."""

    seen: AgentSeen
    machine: str
    name: str
    place: str
    alive: bool
