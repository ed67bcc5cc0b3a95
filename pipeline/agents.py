"""The agents of hosts that dial out, as this machine's door saw them: a port, beside `ports.py` and of its contract."""

from typing import Protocol

from pipeline.fleet.agent import AgentSeen


class Agents(Protocol):
    def seen(self, name: str) -> AgentSeen | None:
        """None: no agent of that name ever connected here. Never raises."""


class NoAgents:
    """Nobody dials out."""

    def seen(self, name: str) -> AgentSeen | None:
        return None
