"""What is scaled, as it was found; what was measured; and what must be remembered until the next look. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pipeline.scaling.policy import Target


@dataclass(frozen=True)
class Member:
    """A replica or a host. `since`: when it began; None: it should be there and is not."""

    name: str
    since: datetime | None
    ready: bool = True
    protected: bool = False
    busy: float = 0.0

    def age(self, now: datetime) -> float:
        return float("inf") if self.since is None else (now - self.since).total_seconds()


@dataclass(frozen=True)
class Group:
    """`spread`: on so many hosts stand `size` members each; a pool is one. `changed_at`: when something last changed it."""

    size: int
    members: tuple[Member, ...] = ()
    spread: int = 1
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Measured:
    """The average over warm members. `value` None: `why` says what is missing."""

    target: Target
    value: float | None
    why: str = ""

    @property
    def ratio(self) -> float:
        return (self.value or 0.0) / self.target.value


class Verdict(StrEnum):
    """What one look came to."""

    STEADY = "steady"
    COUNTING = "counting"  # not often enough yet
    WARMING = "warming"  # nobody is warm yet, or some are not and it would shrink
    OUT = "out"
    IN = "in"
    AT_MAX = "at-max"
    AT_MIN = "at-min"
    COOLING = "cooling"
    PROTECTED = "protected"
    FROZEN = "frozen"
    HALTED = "halted"
    NO_DATA = "no-data"
    REFUSED = "refused"  # it was to change and could not be changed


ACTS = frozenset({Verdict.OUT, Verdict.IN})
HELD = frozenset(
    {Verdict.AT_MAX, Verdict.COOLING, Verdict.PROTECTED, Verdict.HALTED, Verdict.NO_DATA, Verdict.REFUSED}
)
QUIET = frozenset({Verdict.STEADY, Verdict.COUNTING, Verdict.WARMING, Verdict.AT_MIN})  # not worth a line


@dataclass(frozen=True)
class Sample:
    """Counters of one replica at one moment. None: not known."""

    at: datetime
    cpu: float | None = None  # seconds since it began
    memory: int | None = None  # bytes
    requests: int | None = None  # since it was routed to


@dataclass(frozen=True)
class Figure:
    """A `Measured` for people."""

    measure: str
    target: float
    value: float | None
    why: str = ""


@dataclass(frozen=True)
class Memory:
    """Durable, so that a scheduler that starts anew forgets nothing. `wanted`: the sizes that the looks of the last
    cooldown asked for, and when."""

    at: datetime | None = None
    above: int = 0  # looks
    below: int = 0
    wanted: tuple[tuple[datetime, int], ...] = ()
    changed_at: datetime | None = None  # by us
    samples: Mapping[str, Sample] = field(default_factory=dict)
    verdict: Verdict = Verdict.STEADY
    reason: str = ""
    size: int = 0
    low: int = 0
    high: int = 0
    figures: tuple[Figure, ...] = ()

    def rested(self) -> "Memory":
        """Evidence begins anew."""
        return replace(self, above=0, below=0)


@dataclass(frozen=True)
class Decision:
    """`want` is the size from now on; the same as before when nothing changes."""

    verdict: Verdict
    want: int
    reason: str
    memory: Memory


@dataclass(frozen=True)
class Decided:
    """One line of a group's history: what changed it, or what held it back."""

    group: str  # see `scaling.book`
    at: datetime
    verdict: Verdict
    before: int
    after: int
    reason: str
    deployment: int | None = None
    id: int = 0


@dataclass(frozen=True)
class Scaled:
    """What one look at many groups came to. `troubles`: those that could not be looked at, and why."""

    deployments: tuple[int, ...] = ()
    decided: tuple[Decided, ...] = ()
    troubles: tuple[str, ...] = ()
