"""Which hosts may begin now, and where a person must be asked: canaries, batches, waves of regions, approvals. Pure.

| rule                        | what it keeps                                                                   |
|-----------------------------|---------------------------------------------------------------------------------|
| batch                       | at most so many hosts are without a verdict                                     |
| canary                      | so many go first and alone                                                      |
| approve                     | nobody follows the first host, or any batch, before a person has said so        |
| waves                       | one region after the other, and never all hosts of one at once                  |
| a host that is left         | goes last, when those that stay are in and enough                               |
| max_unavailable, stop-first | a host that serves leaves rotation only while enough others serve               |
"""

from collections.abc import Iterable

from pipeline.rollout.departure import may_depart
from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, HostRecord
from pipeline.rollout.leave import others_serve
from pipeline.rollout.look import Look
from pipeline.rollout.policy import Approve, Waves


def due(look: Look) -> list[HostPlan]:
    """Untouched hosts whose turn it is, in the plan's order."""
    waiting = [p for p in _wave(look) if _may_begin(look, look.deployment.record(p.host))]
    if look.deployment.policy.singleton:
        return waiting  # it has one place: the new one waits in `departure` until the old one is empty
    room = look.deployment.policy.batch_of(len(look.deployment.staying)) - sum(map(_open, _records(look)))
    room = min(room, _allowed(look) - len(_touched(look.deployment)))
    return _spared(look, waiting, max(0, room))


def held(look: Look) -> bool:
    """Everything that may be touched is done, and the rest waits for a person."""
    point = asked_at(look.deployment)
    touched = _touched(look.deployment)
    return point is not None and len(touched) >= point and all(r.done for r in touched)


def asked_at(deployment: Deployment) -> int | None:
    """So many hosts may be touched before a person is asked; None: nobody is asked any more."""
    policy = deployment.policy
    if deployment.promoted:
        return None
    points = [policy.canary] if policy.canary and not policy.canary_promote else []
    if policy.approve is Approve.FIRST_HOST:
        points.append(1)
    points = [point for point in points if point > deployment.approved]
    if policy.approve is Approve.BATCH:
        points.append(deployment.approved + policy.batch_of(len(deployment.staying)))
    return min(points, default=None)


def _allowed(look: Look) -> int:
    point = asked_at(look.deployment)
    limits = [len(look.deployment.hosts)] if point is None else [point]
    canary, touched = look.deployment.policy.canary, _touched(look.deployment)
    alone = len(touched) < canary or (len(touched) == canary and not all(r.done for r in touched))
    if canary and alone and not look.deployment.promoted:
        limits.append(canary)
    return min(limits)


def _wave(look: Look) -> tuple[HostPlan, ...]:
    plans = look.deployment.staying
    leaving = tuple(p for p in look.deployment.hosts if not look.deployment.count(p))
    first = look.deployment.policy.singleton and any(
        not _over(look.deployment.record(p.host)) for p in leaving
    )
    if first or others_serve(look):
        return leaving
    if look.deployment.policy.waves is Waves.NONE or len({p.region for p in plans}) < 2:
        return plans
    current = next((p.region for p in plans if not _over(look.deployment.record(p.host))), "")
    region = tuple(p for p in plans if p.region == current)
    begun = sum(_open(look.deployment.record(p.host)) for p in region)
    waiting = [p for p in region if _may_begin(look, look.deployment.record(p.host))]
    room = max(1, len(region) - 1) - begun
    return tuple(waiting[: max(0, room)])


def _spared(look: Look, waiting: list[HostPlan], room: int) -> list[HostPlan]:
    """Under stop-first a host that serves leaves rotation: only while enough others stay."""
    if not look.deployment.policy.stops_first:
        return waiting[:room]
    may_go = may_depart(look, waiting)
    return [plan for plan in waiting if plan.host in may_go][:room]


def _may_begin(look: Look, record: HostRecord) -> bool:
    return not (record.touched or record.done) and look.host(record.host).reachable


def _open(record: HostRecord) -> bool:
    """Without a verdict, so that it keeps its place in the batch."""
    return record.touched and (not record.done or record.lost_at is not None)


def _over(record: HostRecord) -> bool:
    return record.phase is HostPhase.SKIPPED or (record.done and record.lost_at is None)


def _touched(deployment: Deployment) -> list[HostRecord]:
    return [r for r in deployment.records if r.touched]


def _records(look: Look) -> Iterable[HostRecord]:
    return [look.deployment.record(p.host) for p in look.deployment.hosts]
