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

    @property
    def said(self) -> str:
        when = f"since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.connected:
            return f"connected {when}, from {self.peer}"
        return f"away {when}, last error: {self.error or 'none'}"
