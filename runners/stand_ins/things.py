"""What a `World` is made of: containers, proxies, the nature of releases, and how long things take. Nouns only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.rollout.observed import ReplicaState
from pipeline.rollout.release import ReplicaPlan


class Violation(AssertionError):
    """A promise of the design was broken."""


class Quality(StrEnum):
    GOOD = "good"
    SLOW = "slow"  # well after some seconds
    BAD_START = "bad start"  # exits at once
    BAD_HEALTH = "bad health"  # runs, and is never well
    BAD_SMOKE = "bad smoke"  # says that it is well, and answers 500
    BAD_BAKE = "bad bake"  # well, then exits soon after it got traffic
    BAD_LATE = "bad late"  # well, then exits near the end of its bake
    FLAP = "flap"  # well, dies, and is well again when its engine restarts it
    BAD_ANSWERS = "bad answers"  # stays well, and answers 500 to users
    SLOW_ANSWERS = "slow answers"  # stays well, and keeps users waiting


SEEN_BY_PROXIES = frozenset({Quality.BAD_ANSWERS, Quality.SLOW_ANSWERS})  # and by nobody else
HARMLESS = frozenset({Quality.GOOD, Quality.SLOW})
HELD_AT_THE_GATE = frozenset({Quality.BAD_START, Quality.BAD_HEALTH, Quality.BAD_SMOKE})


@dataclass(frozen=True)
class Physics:
    """Seconds."""

    well_after: float = 0.4
    slow_after: float = 4.0
    crash_after: float = 4.0
    late_after: float = 6.0
    flap_after: float = 4.5
    answer: float = 0.05
    slow_answer: float = 0.8
    request: float = 1.0  # the longest one, so a replica taken out of rotation is idle after it
    effect: float = 0.1


@dataclass
class Container:
    id: str
    plan: ReplicaPlan
    host: str
    address: str
    born: datetime
    state: ReplicaState = ReplicaState.RUNNING
    restart_always: bool = False
    exit_code: int | None = None
    life: int = 1
    installation: str = ""  # the Shipway that made it
    ended: datetime | None = None

    def is_of(self, plan: ReplicaPlan) -> bool:
        mine = self.plan
        return (mine.release, mine.index, mine.image) == (plan.release, plan.index, plan.image)

    @property
    def started_at(self) -> str:
        return self.born.isoformat()
