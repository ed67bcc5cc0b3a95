"""How an environment is, in one word and one sentence: what a person looks at first. Pure; nothing is decided from it.

sick    users may notice, or nobody knows: a host is silent, replicas are missing, a rollback is blocked
held    it waits for a person
moving  a deployment or a run is under way
back    the last deployment did not stay: what served before serves again
well    all of its replicas run
empty   nothing is live
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.rollout.deployment import Deployment, DeploymentSummary, HostPhase, HostRecord, Status
from pipeline.rollout.observed import HostSeen, ReplicaState

BACK = frozenset({Status.FAILED, Status.ROLLED_BACK})
HELD = frozenset({Status.PAUSED, Status.AWAITING_PROMOTION})


class Condition(StrEnum):
    """In the order in which they are shown."""

    SICK = "sick"
    HELD = "held"
    MOVING = "moving"
    BACK = "back"
    WELL = "well"
    EMPTY = "empty"


@dataclass(frozen=True)
class Seat:
    """One host's share of an environment. `healthy` None: it was not asked, or did not answer; then `error` says why."""

    host: str
    wanted: int
    healthy: int | None = None
    error: str = ""


def seat(host: str, wanted: int, seen: HostSeen | None, live: int | None) -> Seat:
    if seen is None:
        return Seat(host, wanted)
    if not seen.reachable:
        return Seat(host, wanted, None, seen.error or "it does not answer")
    well = [r for r in seen.replicas if r.state is ReplicaState.RUNNING and r.health != "unhealthy"]
    return Seat(host, wanted, sum(r.release == live for r in well))


def condition(
    live: int | None,
    seats: Sequence[Seat],
    active: Deployment | None,
    last: DeploymentSummary | None,
    works: bool,
) -> tuple[Condition, str]:
    """`active`: the deployment that is not over; `last`: the newest that is. `works`: a run is under way."""
    if active is not None and active.blocked:
        return Condition.SICK, f"deployment {active.id} is blocked: {active.blocked}"
    sick = _sick(seats) if active is None or active.status in HELD else ""
    if sick:
        return Condition.SICK, sick
    if active is not None:
        held = active.status in HELD
        return (Condition.HELD if held else Condition.MOVING), ""
    if works:
        return Condition.MOVING, ""
    if last is not None and last.status in BACK:
        words = "was rolled back" if last.status is Status.ROLLED_BACK else "failed"
        return Condition.BACK, f"release {last.release} {words}: {last.error or 'no reason was kept'}"
    return (Condition.EMPTY if live is None else Condition.WELL), ""


def until(deployment: Deployment, record: HostRecord) -> datetime | None:
    """When what a host is in at the moment ends, or must have ended; None: it has no clock."""
    clocks = {
        HostPhase.PULLING: deployment.prepare_by,
        HostPhase.STARTING: record.health_by,
        HostPhase.CHECKING: record.health_by,
        HostPhase.PARKING: record.entrance_by,
        HostPhase.ADMITTING: record.entrance_by,
        HostPhase.DRAINING: record.drain_by,
        HostPhase.BAKING: record.bake_until,
    }
    return clocks.get(record.phase)


def ends(deployment: Deployment) -> datetime | None:
    """The same for the deployment as a whole."""
    if deployment.over:
        return None
    if deployment.status is Status.AWAITING_PROMOTION:
        return deployment.approve_by
    if deployment.status is Status.PREPARING:
        return deployment.prepare_by
    return deployment.finish_by if deployment.settled else deployment.bake_until


def _sick(seats: Sequence[Seat]) -> str:
    silent = [s for s in seats if s.wanted and s.error]
    if silent:
        return f"{silent[0].host} does not answer: {silent[0].error}"
    short = [s for s in seats if s.healthy is not None and s.healthy < s.wanted]
    return "; ".join(f"{s.host} has {s.healthy} of {s.wanted} replicas" for s in short)
