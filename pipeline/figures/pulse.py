"""How Shipway itself is doing, read from the books at one moment, and what ended lately. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

LEASES = ("run", "deployment", "scheduler", "reports", "notices", "other")


class EndedStage(NamedTuple):
    stage: str
    status: str
    seconds: float


@dataclass(frozen=True)
class EndedRun:
    id: int
    finished_at: datetime
    stages: tuple[EndedStage, ...]


@dataclass(frozen=True)
class EndedDeployment:
    """`restored`: seconds from the notice of the failure to the old release alone; None: it was not taken back."""

    id: int
    service: str
    environment: str
    status: str
    finished_at: datetime
    restored: float | None = None


@dataclass(frozen=True)
class Pulse:
    """Ages are seconds, 0 when there is nothing that could be old."""

    queue_age: float = 0.0
    outbox: int = 0
    outbox_age: float = 0.0
    notices: Mapping[str, int] = field(default_factory=dict)  # fate -> number
    leases: Mapping[str, int] = field(default_factory=dict)  # one of LEASES -> number that is held
    scheduler_late: float = 0.0  # since the scheduler's lease ran out
    troubles: Mapping[str, float] = field(default_factory=dict)  # service -> age
    placed: Mapping[tuple[str, str], int] = field(
        default_factory=dict
    )  # environment -> replicas it should have
    live: Mapping[tuple[str, str], int] = field(default_factory=dict)  # environment -> release


class PulseBook(Protocol):
    """Bounded reads, for a scrape each few seconds."""

    def pulse(self) -> Pulse: ...
    def ended_runs(self, since: datetime) -> list[EndedRun]: ...
    def ended_deployments(self, since: datetime) -> list[EndedDeployment]: ...


class NoPulse:
    """The book of a Shipway that has none."""

    def pulse(self) -> Pulse:
        return Pulse()

    def ended_runs(self, since: datetime) -> list[EndedRun]:
        return []

    def ended_deployments(self, since: datetime) -> list[EndedDeployment]:
        return []
