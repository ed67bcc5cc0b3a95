"""One look at one deployment: what is recorded, what is seen, and when. Small questions about it, and the shape of the answers.

Decides nothing about the rollout; `decide` and the rules below it ask here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar, cast

from pipeline.rollout.deployment import Deployment, Happening, HostPhase, HostPlan, HostRecord, Status
from pipeline.rollout.effects import Effect
from pipeline.rollout.observed import HostSeen, Observed, ReplicaSeen, ReplicaState
from pipeline.rollout.release import Release, ReplicaPlan

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True)
class Decision:
    """The record to journal first, then its history lines, then effects to apply side by side; or when to look again."""

    deployment: Deployment
    happenings: tuple[Happening, ...] = ()
    effects: tuple[Effect, ...] = ()
    wait_until: datetime | None = None


@dataclass(frozen=True)
class Fault:
    """Why the rollout cannot go on: where, at which step, what was seen."""

    host: str
    step: str
    why: str
    container: str = ""

    def __str__(self) -> str:
        return f"{self.host}, {self.step}: {self.why}" if self.host else self.why


@dataclass(frozen=True)
class Step:
    """What one host's rules say: its record, what to do there, and whether it is over for the release."""

    record: HostRecord
    effects: tuple[Effect, ...] = ()
    fault: Fault | None = None
    wake: datetime | None = None
    obstacle: str = ""  # restoring only: why this host is not back yet


@dataclass(frozen=True)
class Look:
    """`aim` is the release that every host should run in the end; `count`, how many replicas of it a host should have."""

    deployment: Deployment
    observed: Observed
    now: datetime
    aim: Release | None = field(init=False)
    _counts: dict[str, int] = field(init=False)
    _answers: defaultdict[Any, dict[Any, Any]] = field(
        init=False, repr=False, compare=False, default_factory=partial(defaultdict, dict)
    )

    def __post_init__(self) -> None:
        deployment = self.deployment
        back = deployment.status is Status.ROLLING_BACK
        object.__setattr__(self, "aim", deployment.previous if back else deployment.release)
        counted = deployment.count_before if back else deployment.count
        object.__setattr__(self, "_counts", {plan.host: counted(plan) for plan in deployment.hosts})

    @cached_property
    def _standing(self) -> dict[str, tuple[ReplicaSeen, ...]]:
        """Asked for many times in one look."""
        return {}

    def count(self, host: str) -> int:
        return self._counts.get(host, 0)

    @property
    def going_back(self) -> bool:
        return self.deployment.status is Status.ROLLING_BACK

    def host(self, name: str) -> HostSeen:
        return self.observed.hosts.get(name) or HostSeen(name, reachable=False, error="it was not looked at")

    def replicas(self, host: str, running: bool = False) -> tuple[ReplicaSeen, ...]:
        seen = self.host(host).replicas
        return tuple(r for r in seen if not running or r.state is ReplicaState.RUNNING)

    def aimed(self, host: str, replica: ReplicaSeen) -> bool:
        """Is it one of those that should run there in the end?"""
        return self.aim is not None and replica.of(self.aim) and replica.index < self.count(host)

    def standing(self, host: str) -> tuple[ReplicaSeen, ...]:
        """The running replicas of the aim, one for each index."""
        if host not in self._standing:
            self._standing[host] = self._found_standing(host)
        return self._standing[host]

    def _found_standing(self, host: str) -> tuple[ReplicaSeen, ...]:
        found = {r.index: r for r in self.replicas(host, running=True) if self.aimed(host, r)}
        return tuple(found[index] for index in sorted(found))

    def dead(self, host: str) -> tuple[str, ...]:
        """Lives of the aim's replicas that are over already, and so say nothing about what we start."""
        ended = (r for r in self.replicas(host) if r.state is not ReplicaState.RUNNING)
        return tuple(life(r) for r in ended if self.aimed(host, r))

    def plan(self, index: int) -> ReplicaPlan:
        release = self.aim or self.deployment.release
        return ReplicaPlan(
            service=self.deployment.service,
            environment=self.deployment.environment,
            release=release.number,
            image=release.image,
            spec=release.spec,
            deployment=self.deployment.id,
            index=index,
            commit=release.commit,
        )

    def with_records(self, records: Iterable[HostRecord]) -> "Look":
        """The same look over changed host records."""
        return replace_look(self, with_records(self.deployment, records))

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)


def once(rule: Callable[[Look, P], T]) -> Callable[[Look, P], T]:
    """A rule about a place that many hosts ask for: a look never changes, so one answer is enough for all of them."""

    def asked(look: Look, place: P) -> T:
        answers = look._answers[rule]
        try:
            return cast(T, answers[place])
        except KeyError:
            return cast(T, answers.setdefault(place, rule(look, place)))

    return asked


def life(replica: ReplicaSeen) -> str:
    """One life of a container: its engine starting it again makes another."""
    return f"{replica.container}@{replica.started_at}"


def replace_look(look: Look, deployment: Deployment) -> Look:
    return look if deployment is look.deployment else Look(deployment, look.observed, look.now)


def with_records(deployment: Deployment, records: Iterable[HostRecord]) -> Deployment:
    """Records in the order of the plan; those of hosts that the plan does not name are dropped."""
    changed = {record.host: record for record in records}
    after = tuple(changed.get(p.host, deployment.record(p.host)) for p in deployment.hosts)
    return deployment if after == deployment.records else replace(deployment, records=after)


def enough(look: Look) -> bool:
    """Can the environment afford to leave out the hosts that do not answer? One that it leaves is not needed."""
    return sum(look.host(p.host).reachable for p in look.deployment.staying) >= needed(look.deployment)


def needed(deployment: Deployment) -> int:
    """Hosts that must serve, of those on which the environment stays."""
    hosts = len(deployment.staying)
    return max(1, min(deployment.policy.needed_of(hosts), hosts))


def lost(record: HostRecord, now: datetime) -> HostRecord:
    return record if record.lost_at is not None else replace(record, lost_at=now)


def found(record: HostRecord) -> HostRecord:
    """The host answers (again)."""
    if record.phase is HostPhase.SKIPPED:
        record = replace(record, phase=HostPhase.WAITING, error="")
    return record if record.lost_at is None else replace(record, lost_at=None)


def passed(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and now >= instant


def after(instant: datetime, seconds: float) -> datetime:
    return instant + timedelta(seconds=seconds)


def soonest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def plan_of(deployment: Deployment, host: str) -> HostPlan:
    return next(p for p in deployment.hosts if p.host == host)
