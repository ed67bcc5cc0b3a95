"""What the figures are made of: a few columns of rows that are over. Nouns only."""

from datetime import datetime
from typing import NamedTuple, Protocol

from pipeline.rollout.deployment import Reason, Status


class Fact(NamedTuple):
    """A deployment that succeeded or was taken back. A tuple of little: there may be ten thousand.

    `begin`: of one that succeeded its commit's own time, else its push's (None: of no run); of one that was taken back when
    the failure was noticed. `end`: when it was live; when the one before it served alone again."""

    id: int
    environment: str
    release: int
    reason: Reason
    status: Status
    begin: datetime | None
    end: datetime


class StageTime(NamedTuple):
    """One stage of one run that came to its own end."""

    stage: str
    finished_at: datetime
    seconds: float


class FigureBook(Protocol):
    """What is over, of one service, since a moment; the oldest first. Bounded: of runs the newest `limit`."""

    def facts(self, service: str, since: datetime) -> list[Fact]: ...
    def stage_times(self, service: str, since: datetime, limit: int = 2000) -> list[StageTime]: ...


class NoFigures:
    """The book of a Shipway that counts nothing."""

    def facts(self, service: str, since: datetime) -> list[Fact]:
        return []

    def stage_times(self, service: str, since: datetime, limit: int = 2000) -> list[StageTime]:
        return []
