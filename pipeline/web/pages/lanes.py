"""A deployment host by host: the road of each as points with times, its gate, what proxies and the load balancer say.

Rules over what the books hold and what engines and proxies answered. Nothing is decided from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, HostRecord, ReplicaRecord
from pipeline.web.answers import EventAnswer
from pipeline.web.fleet_answers import EnvironmentAnswer, ReplicaAnswer

ROAD = (
    HostPhase.PULLING,
    HostPhase.STARTING,
    HostPhase.CHECKING,
    HostPhase.SWITCHING,
    HostPhase.BAKING,
    HostPhase.DONE,
)
BACK = (HostPhase.RESTORING, HostPhase.RESTORED)
ENDS = {HostPhase.DONE, HostPhase.SKIPPED, HostPhase.FAILED, HostPhase.RESTORED}
REST = {HostPhase.WAITING, HostPhase.DONE, HostPhase.SKIPPED, HostPhase.RESTORED}
PHASES = {phase.value: phase for phase in HostPhase}
POINTS = 14  # the latest of a host that are drawn
WORDS, LETTERS = 50, 8000  # lines and characters of a log that are shown


@dataclass(frozen=True)
class Point:
    """`state`: past, now, ahead. `seconds`: how long it took; None: it goes on, or has not begun."""

    phase: HostPhase
    state: str
    at: datetime | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Gate:
    """The probe of one new replica: `ticks` are good and bad answers in a row, and those that are still missing."""

    index: int
    ticks: tuple[str, ...]  # good, bad, open
    note: str


@dataclass(frozen=True)
class Lane:
    host: str
    phase: HostPhase
    canary: bool = False
    error: str = ""
    why: str = ""
    lost_at: datetime | None = None
    points: tuple[Point, ...] = ()
    gates: tuple[Gate, ...] = ()
    trouble: str = ""
    last_words: str = ""
    replicas: tuple[ReplicaAnswer, ...] | None = None  # None: nobody was asked
    routed: Mapping[str, str] | None = None  # address -> ready, drain
    member: str = ""  # in the load balancer; empty: there is none
    silent: str = ""  # why the host's engine does not answer now

    @property
    def rests(self) -> bool:
        return self.phase in REST and not (self.error or self.lost_at or self.trouble or self.silent)


def lanes_of(
    deployment: Deployment, happenings: Sequence[EventAnswer], seen: EnvironmentAnswer | None
) -> list[Lane]:
    by_host: dict[str, list[EventAnswer]] = {plan.host: [] for plan in deployment.hosts}
    for happening in happenings:
        by_host.setdefault(happening.host, []).append(happening)
    return [_lane(deployment, plan, by_host[plan.host], seen) for plan in deployment.hosts]


def _lane(
    deployment: Deployment, plan: HostPlan, happenings: list[EventAnswer], seen: EnvironmentAnswer | None
) -> Lane:
    record = deployment.record(plan.host)
    trouble = deployment.trouble(plan.host)
    words = [happening.text for happening in happenings if happening.kind == "log"]
    lane = Lane(
        plan.host,
        record.phase,
        record.canary,
        record.error,
        plan.why,
        record.lost_at,
        points_of(deployment, record, happenings),
        () if record.phase in ENDS else tuple(_gate(deployment, replica) for replica in record.replicas),
        trouble.note if trouble and not deployment.over else "",
        "\n".join("\n".join(words).splitlines()[-WORDS:])[-LETTERS:],
    )
    return lane if seen is None else _with_looks(lane, seen)


def points_of(
    deployment: Deployment, record: HostRecord, happenings: Sequence[EventAnswer]
) -> tuple[Point, ...]:
    """The phases that it was in, and those that a healthy one still has before it."""
    told = [(PHASES[h.kind], h.at) for h in happenings if h.kind in PHASES]
    ends = [at for _, at in told[1:]]
    past = [
        Point(phase, "past", at, (end - at).total_seconds())
        for (phase, at), end in zip(told, ends, strict=False)
    ]
    if told:
        phase, at = told[-1]
        ended = phase in ENDS or deployment.over
        past.append(Point(phase, "past" if ended else "now", at))
    return tuple(past[-POINTS:]) + tuple(Point(phase, "ahead") for phase in _ahead(deployment, record))


def _ahead(deployment: Deployment, record: HostRecord) -> Sequence[HostPhase]:
    if deployment.over or record.phase in ENDS:
        return ()
    if record.phase in BACK:
        return BACK[BACK.index(record.phase) + 1 :]
    if deployment.failed_at is not None:
        return ()
    return (
        ROAD[ROAD.index(record.phase) + 1 :]
        if record.phase in ROAD
        else ROAD[record.phase is not HostPhase.WAITING :]
    )


def _gate(deployment: Deployment, replica: ReplicaRecord) -> Gate:
    check = deployment.release.spec.health
    if replica.bad:
        ticks = ["bad"] * min(replica.bad, check.fall) + ["open"] * max(0, check.fall - replica.bad)
    else:
        ticks = ["good"] * min(replica.good, check.rise) + ["open"] * max(0, check.rise - replica.good)
    return Gate(replica.index, tuple(ticks[:20]), replica.note)


def _with_looks(lane: Lane, seen: EnvironmentAnswer) -> Lane:
    mine = next((one for one in seen.hosts if one.host == lane.host), None)
    routed = {b.address: b.state for proxy in seen.proxies for b in proxy.backends if b.host == lane.host}
    return replace(
        lane,
        replicas=tuple(mine.replicas) if mine else (),
        routed=routed if seen.proxies else None,
        member=next((one.state.value for one in seen.members if one.host == lane.host), ""),
        silent=mine.error if mine and not mine.reachable else "",
    )
