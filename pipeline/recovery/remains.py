"""What was found running on hosts, read from the labels of containers alone: no book is asked. Nouns only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pipeline.fleet.host import Host
from pipeline.rollout.release import RuntimeSpec


@dataclass(frozen=True)
class Found:
    """One running replica of ours. `admitted`: it was let into rotation once. `spec` is what a container tells of it:
    neither health nor hooks, and every variable in the clear."""

    host: str
    service: str
    environment: str
    release: int
    image: str
    index: int = 0
    commit: str = ""
    deployment: int = 0
    address: str = ""
    admitted: bool = False
    spec: RuntimeSpec = field(default_factory=RuntimeSpec)


@dataclass(frozen=True)
class Remains:
    """All of them on one host; `error` says why it could not be asked."""

    host: str
    found: tuple[Found, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Awaited:
    """An environment whose books were restored, and not yet compared with what runs."""

    service: str
    environment: str
    taken_at: datetime
    restored_at: datetime


class Census(Protocol):
    """Port: what runs on a host, of all services at once."""

    def remains(self, host: Host) -> Remains:
        """Never raises."""


class NoCensus:
    """Nobody is asked."""

    def remains(self, host: Host) -> Remains:
        return Remains(host.name, error="nobody can ask it")
