"""What scaling needs of the world beside `pipeline.ports`: its book, and what replicas use. The contract there holds here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pipeline.errors import Conflict
from pipeline.fleet.host import Host
from pipeline.scaling.group import Decided, Memory, Sample


def group_of(service: str, environment: str) -> str:
    """The name of an environment's replicas as a group."""
    return f"{service}/{environment}"


def group_of_pool(pool: str) -> str:
    """The name of a pool's machines as a group. No service has a colon in its name."""
    return f"pool:{pool}"


class ScalingBook(Protocol):
    """What each group remembers, and the history of decisions."""

    def memories(self) -> Mapping[str, Memory]:
        """By group; those that were ever looked at."""

    def save(self, memories: Mapping[str, Memory], decided: Sequence[Decided]) -> None:
        """One transaction for all of a look."""

    def decisions(self, group: str, limit: int = 50) -> Sequence[Decided]:
        """Newest first."""

    def tidy(self, before: datetime) -> None:
        """Decisions older than this go; so do memories of groups that nobody looked at since."""


class Loads(Protocol):
    """What containers use, from the engine's own counters."""

    def used(self, host: Host, containers: Sequence[str]) -> Mapping[str, Sample]:
        """CPU and memory of those that could be read. Never raises: a host that is silent has none."""

    def machine(self, host: Host) -> Sample | None:
        """All containers together, in shares of the machine: CPU in seconds of all its cores, memory in percent. None: it
        is silent. Never raises."""


class NoScaling:
    """Nothing is scaled."""

    def memories(self) -> Mapping[str, Memory]:
        return {}

    def save(self, memories: Mapping[str, Memory], decided: Sequence[Decided]) -> None:
        raise Conflict("This Shipway keeps no book of scaling.")

    def decisions(self, group: str, limit: int = 50) -> Sequence[Decided]:
        return ()

    def tidy(self, before: datetime) -> None:
        """There is nothing."""


class NoLoads:
    """Nobody says."""

    def used(self, host: Host, containers: Sequence[str]) -> Mapping[str, Sample]:
        return {}

    def machine(self, host: Host) -> Sample | None:
        return None
