"""A host that the environment leaves: when its turn comes, how it goes out of rotation, and when it is let go. Pure.

It goes last, so that the others serve without it; until the verdict its replicas stay warm, as all old ones do. (A
singleton's goes first, and is stopped.) Nothing that happens to such a host blames the release. What its replicas are
is `converge`'s, when they are stopped is `finish`'s.
"""

from dataclasses import replace

from pipeline.rollout import entrance, traffic
from pipeline.rollout.advance import SWITCH_PATIENCE, refusals
from pipeline.rollout.departure import depart
from pipeline.rollout.deployment import HostPhase, HostPlan, HostRecord
from pipeline.rollout.look import Fault, Look, Step, after, found, lost, needed, passed

SKIP_PATIENCE = 10.0  # seconds without an answer before it is left as it is


def others_serve(look: Look) -> bool:
    """All that stay are in and answer, or were left out, and those that are in are enough."""
    records = [look.deployment.record(plan.host) for plan in look.deployment.staying]
    ready = [r for r in records if r.done and r.lost_at is None]
    skipped = sum(r.phase is HostPhase.SKIPPED for r in records)
    return len(ready) + skipped == len(records) and (not records or len(ready) >= needed(look.deployment))


def leave(look: Look, plan: HostPlan) -> Step:
    """Touched: its sites drop it. Done as soon as they serve without it."""
    record = look.deployment.record(plan.host)
    if not look.host(plan.host).reachable:
        return absent(look, plan, record)
    record = found(record)
    if record.done:
        return Step(record)
    if record.admitted_at is None:
        leaving = entrance.expel(look, plan, record) or depart(look, plan, record)
        if leaving:
            return leaving
    if record.admitted_at is None:  # only from the next look on do its sites want to be without it
        return Step(replace(record, phase=HostPhase.DRAINING, admitted_at=look.now), wake=look.now)
    limit = after(record.admitted_at, SWITCH_PATIENCE)
    if traffic.arrived(look, plan):
        drain_by = look.later(look.deployment.policy.drain_timeout)
        return Step(replace(record, phase=HostPhase.DONE, done=True, switched_at=look.now, drain_by=drain_by))
    if passed(limit, look.now):
        why = f"its proxy did not take it out of the route{refusals(look, plan)}"
        return Step(record, fault=Fault(plan.host, "leave", why))
    return Step(record, wake=limit)


def absent(look: Look, plan: HostPlan, record: HostRecord) -> Step:
    """Nobody waits for it: what runs on it is removed when it answers again. Its load balancer does answer."""
    record = lost(record, look.now)
    skip_at = after(record.lost_at or look.now, SKIP_PATIENCE)
    if record.done or not passed(skip_at, look.now):
        return Step(record, wake=skip_at)
    leaving = entrance.expel(look, plan, record)
    if leaving and not leaving.fault:
        return leaving
    why = f"left as it is, it does not answer: {look.host(record.host).error}"
    drain_by = record.drain_by or look.later(look.deployment.policy.drain_timeout)
    return Step(replace(record, phase=HostPhase.SKIPPED, error=why, drain_by=drain_by))
