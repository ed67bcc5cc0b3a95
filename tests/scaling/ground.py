"""Groups and measures to decide about, in few words."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipeline.scaling.decide import decide
from pipeline.scaling.group import Decision, Group, Measured, Member, Memory
from pipeline.scaling.policy import Measure, Scaling, Target

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
LONG_AGO = NOON - timedelta(days=1)
EVERY = 15.0
CPU = Target(Measure.CPU, 60.0)
REQUESTS = Target(Measure.REQUESTS, 50.0)
POLICY = Scaling(1, 10, (CPU,))


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def group(size: int, *, since: datetime = LONG_AGO, sick: int = 0, spread: int = 1) -> Group:
    members = [Member(f"m{at}", since, ready=at >= sick) for at in range(size * spread)]
    return Group(size, tuple(members), spread)


def cpu(value: float | None, why: str = "the engine is silent") -> list[Measured]:
    return [Measured(CPU, value, why if value is None else "")]


class Story:
    """Looks, one after the other; what was decided is obeyed at once, and new members begin then."""

    def __init__(
        self, policy: Scaling, size: int, spread: int = 1, rule: Callable[..., Decision] = decide
    ) -> None:
        self.policy, self.spread, self.now, self.rule = policy, spread, NOON, rule
        self.memory = Memory()
        self.born = [LONG_AGO] * size
        self.decisions: list[Decision] = []

    @property
    def size(self) -> int:
        return len(self.born)

    def look(self, measured: Sequence[Measured], frozen: str = "", sick: int = 0) -> Decision:
        members = [
            Member(f"m{at}.{host}", born, ready=at >= sick)
            for at, born in enumerate(self.born)
            for host in range(self.spread)
        ]
        found = Group(self.size, tuple(members), self.spread)
        decision = self.rule(self.policy, self.memory, found, measured, self.now, frozen)
        self.memory = decision.memory
        self.decisions.append(decision)
        self.born = (self.born + [self.now] * decision.want)[: decision.want]
        self.now += timedelta(seconds=EVERY)
        return decision

    def looks(self, count: int, value: float | None) -> Decision:
        """The same reading so often, whatever the size becomes."""
        return [self.look(cpu(value)) for _ in range(count)][-1]

    def load(self, count: int, total: float) -> Decision:
        """A load of all members together, shared by those there are."""
        return [self.look(cpu(total / max(1, self.size * self.spread))) for _ in range(count)][-1]

    def rest(self, seconds: float) -> None:
        """Somebody else looked meanwhile and nothing was to be done."""
        self.now += timedelta(seconds=seconds)
        self.memory = replace(self.memory, at=self.now)
