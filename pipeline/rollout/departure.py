"""Stop-first: what runs on a host leaves before the next release comes. Pure.

park in the load balancer → quiet → out of the route → drained → stopped. Only then may anything be started; a singleton
also waits until nothing of it runs on any other host.
"""

from collections.abc import Iterable
from dataclasses import replace

from pipeline.rollout import converge, entrance, traffic
from pipeline.rollout.deployment import HostPhase, HostPlan, HostRecord
from pipeline.rollout.look import Fault, Look, Step, after, passed

STOP_PATIENCE = 60.0  # seconds for the engine, beyond drain and stop timeouts


def depart(look: Look, plan: HostPlan, record: HostRecord) -> Step | None:
    """None when nothing stands in the way of starting the aim's replicas here."""
    if not look.deployment.policy.stops_first or _may_stay(look, plan):
        return None
    if entrance.let_in_again(look, plan, record):
        record = replace(
            record, leaving_at=None
        )  # and so its proxy serves what is left there, until it is out again
    if not converge.leftovers(look, plan):
        return _elsewhere(look, plan, record)
    if record.leaving_at is None:
        leaving = entrance.leave(look, plan, record)
        if leaving:
            return leaving
        record = replace(record, leaving_at=look.now, drain_by=None, entrance_by=None, out_since=None)
    return _emptied(look, plan, replace(record, phase=HostPhase.DRAINING))


def _may_stay(look: Look, plan: HostPlan) -> bool:
    """Everything that should run is there; or nothing should, and what runs may stay warm until the verdict."""
    if look.count(plan.host):
        return converge.complete(look, plan)
    return not look.deployment.policy.singleton


def may_depart(look: Look, plans: Iterable[HostPlan]) -> frozenset[str]:
    """Of these hosts, in their order: which may leave rotation now, so that enough others stay in it."""
    room = _room(look)
    chosen = []
    for plan in plans:
        cost = _missed(look, plan) and not _leaving(look, look.deployment.record(plan.host))
        if room > 0 if cost else room >= 0 or _free(look, plan):
            chosen.append(plan.host)
            room -= cost
    return frozenset(chosen)


def serving(look: Look, plan: HostPlan) -> bool:
    """Do users reach the service on this host? What failed there does not count as a service."""
    return traffic.serves(look, plan) and entrance.lets_in(look, plan) and not _failed(look, plan)


def _missed(look: Look, plan: HostPlan) -> bool:
    return traffic.may_serve(look, plan) and entrance.lets_in(look, plan) and not _failed(look, plan)


def _free(look: Look, plan: HostPlan) -> bool:
    """Nobody misses it: no user reaches it, or it failed and the others did not come back in time either."""
    deadline = after(look.deployment.failed_at or look.now, look.deployment.policy.deadline)
    return not traffic.may_serve(look, plan) or not _failed(look, plan) or passed(deadline, look.now)


def _failed(look: Look, plan: HostPlan) -> bool:
    failed = look.going_back and look.deployment.record(plan.host).phase is HostPhase.FAILED
    return failed and bool(converge.leftovers(look, plan))


def _room(look: Look) -> int:
    """So many more hosts that serve may be taken out of rotation."""
    plans = look.deployment.hosts
    stay = sum(serving(look, p) and not _leaving(look, look.deployment.record(p.host)) for p in plans)
    return stay - look.deployment.policy.needed_of(len(look.deployment.staying))


def _leaving(look: Look, record: HostRecord) -> bool:
    """On its way out already, also when it is still seen to serve."""
    begun = record.touched and not look.going_back
    out = record.leaving_at is not None or record.parked_at is not None
    return record.admitted_at is None and (begun or out)


def _emptied(look: Look, plan: HostPlan, record: HostRecord) -> Step:
    """Requests have their time from when no site sends any more, however late that is."""
    policy = look.deployment.policy
    if record.drain_by is None and traffic.routed_around(look, plan, look.replicas(plan.host)):
        record = replace(record, drain_by=look.later(policy.drain_timeout))
    since = record.drain_by or after(record.leaving_at or look.now, policy.drain_timeout)
    limit = after(since, STOP_PATIENCE + _longest_stop(look))
    late = _late(look, plan) if passed(limit, look.now) else None
    return Step(record, converge.retire(look, plan, record), fault=late, wake=record.drain_by)


def _late(look: Look, plan: HostPlan) -> Fault:
    found = look.deployment.trouble(plan.host)
    why = f"what ran before could not be stopped in time{f': {found.note}' if found else ''}"
    return Fault(plan.host, "stop", why)


def _longest_stop(look: Look) -> float:
    known = (look.deployment.release, look.deployment.previous)
    return max(release.spec.stop_timeout for release in known if release)


def _elsewhere(look: Look, plan: HostPlan, record: HostRecord) -> Step | None:
    """A singleton runs nowhere else, by the word of every host."""
    if not look.deployment.policy.singleton or not look.count(plan.host):
        return None
    others = [p.host for p in look.deployment.hosts if p.host != plan.host]
    silent = [look.deployment.record(h) for h in others if not look.host(h).reachable]
    if not silent and not any(look.replicas(h, running=True) for h in others):
        return None
    waiting, grace = replace(record, phase=HostPhase.WAITING), look.deployment.policy.unreachable_grace
    late = next((r for r in silent if r.lost_at and passed(after(r.lost_at, grace), look.now)), None)
    if late is None:
        return Step(waiting)
    why = f"{late.host} does not answer, so it may still run there, and never two may run: {look.host(late.host).error}"
    return Step(waiting, fault=Fault(plan.host, "start", why))
