"""The road forward: hosts in batches, canaries first, and all of them watched until the whole rollout ends. Pure.

Everything follows from what is seen and from the record: no step is remembered, only evidence and absolute clocks.
A host keeps its place in the batch until there is a verdict, also when it does not answer.
"""

from dataclasses import replace
from datetime import datetime

from pipeline.fleet.proxy import BackendState
from pipeline.rollout import compare, converge, measure, pace, traffic
from pipeline.rollout.advance import SWITCH_PATIENCE, advance, observe, patience, trouble
from pipeline.rollout.departure import depart
from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, HostRecord, Status
from pipeline.rollout.effects import Effect, Pull
from pipeline.rollout.leave import absent, leave
from pipeline.rollout.look import Decision, Fault, Look, Step, after, enough, found, lost, passed, soonest
from pipeline.rollout.states import Event, move
from pipeline.rollout.turn import expire, fail, pause, refused

SKIP_PATIENCE = 10.0  # seconds without an answer before an untouched host is left out
FINISH_PATIENCE = 300.0  # seconds in which the old replicas are stopped after the verdict


def rolling(look: Look) -> Decision:
    plans = look.deployment.hosts
    steps = [_step(look, plan) for plan in plans]
    look = look.with_records(_admitted(look, [step.record for step in steps]))
    fault = refused(look) or next((step.fault for step in steps if step.fault), None)
    fault = fault or compare.verdict(look) or measure.verdict(look) or _unsettled(look)
    if fault:
        return fail(look, fault)
    if measure.blind(look):
        return pause(look, measure.blind(look))
    begun = [] if measure.held(look) else _begin(look)
    look = look.with_records(step.record for step in begun)
    effects = [e for step in (*steps, *begun) for e in step.effects]
    effects += [*traffic.switches(look), *_kept(look)]
    deployment, wake = _whole(look)
    wakes = [wake, *(step.wake for step in (*steps, *begun))]
    return Decision(deployment, effects=tuple(effects), wait_until=soonest(wakes))


def _step(look: Look, plan: HostPlan) -> Step:
    if not look.deployment.record(plan.host).touched:
        return _rest(look, plan)
    return advance(look, plan) if look.count(plan.host) else leave(look, plan)


def _admitted(look: Look, records: list[HostRecord]) -> list[HostRecord]:
    """Users reach the release on at most one batch of hosts that are not known to be well with it. When a host that
    was done does not answer, the next one waits at its gate."""
    room = look.deployment.policy.batch_of(len(look.deployment.staying))
    room -= sum(_in_doubt(r) and r.admitted_at != look.now for r in records)
    result = []
    for record in records:
        if record.admitted_at == look.now and room <= 0:
            record = replace(record, admitted_at=None, phase=HostPhase.CHECKING)
        elif record.admitted_at == look.now:
            room -= 1
        result.append(record)
    return result


def _kept(look: Look) -> list[Effect]:
    """Of hosts that pass their gate at this look, beside the switch: what crashes from now on was well once."""
    passing = (p for p in look.deployment.hosts if look.deployment.record(p.host).admitted_at == look.now)
    return [effect for plan in passing for effect in converge.keep(look, plan)]


def _in_doubt(record: HostRecord) -> bool:
    return record.admitted_at is not None and (not record.done or record.lost_at is not None)


def waiting(look: Look) -> Decision:
    """Paused, or waiting for a person: nothing is begun and no clock runs, but what was touched is watched."""
    if look.deployment.failed_at is not None:
        return Decision(look.deployment)
    touched = [p for p in look.deployment.hosts if look.deployment.record(p.host).touched]
    steps = [observe(look, p, look.deployment.record(p.host)) for p in touched if look.host(p.host).reachable]
    look = look.with_records(step.record for step in steps)
    fault = next((step.fault for step in steps if step.fault), None)
    fault = fault or compare.verdict(look) or measure.verdict(look)
    if fault:
        return fail(look, fault)
    if passed(look.deployment.approve_by, look.now) and look.deployment.status is Status.AWAITING_PROMOTION:
        return expire(look)
    return Decision(look.deployment)


def _rest(look: Look, plan: HostPlan) -> Step:
    """An untouched host: waiting for its turn, left out, or found to run the release already."""
    record = look.deployment.record(plan.host)
    if look.host(plan.host).reachable:
        return Step(found(record))
    if not look.count(plan.host):
        return absent(look, plan, record)
    record = lost(record, look.now)
    since = record.lost_at or look.now
    why = look.host(plan.host).error
    if record.done or not passed(after(since, SKIP_PATIENCE), look.now):
        return Step(record, wake=after(since, SKIP_PATIENCE))
    if enough(look):
        return Step(replace(record, phase=HostPhase.SKIPPED, error=f"left out, it does not answer: {why}"))
    grace = after(since, look.deployment.policy.unreachable_grace)
    if passed(grace, look.now):
        return Step(record, fault=Fault(plan.host, "start", f"too few hosts answer; this one: {why}"))
    return Step(record, wake=grace)


def _begin(look: Look) -> list[Step]:
    """Hosts whose turn it is now."""
    deployment = look.deployment
    touched = sum(r.touched for r in deployment.records)
    canaries = deployment.policy.canary - touched
    return [_touch(look, plan, at < canaries) for at, plan in enumerate(pace.due(look))]


def _touch(look: Look, plan: HostPlan, canary: bool) -> Step:
    record = look.deployment.record(plan.host)
    if _unchanged(look, plan):
        return Step(replace(record, phase=HostPhase.DONE, done=True), wake=look.now)
    missing = converge.bring_up(look, plan)
    if any(isinstance(effect, Pull) for effect in missing):
        return _pulling(look, record, missing)
    touched = replace(
        record,
        phase=HostPhase.STARTING if look.count(plan.host) else HostPhase.DRAINING,
        touched=True,
        canary=canary,
        boot=look.host(plan.host).boot,
        ignored=look.dead(plan.host),
    )
    leaving = depart(look, plan, touched)
    if leaving:
        return leaving
    touched = replace(touched, health_by=look.later(patience(look)))
    return Step(touched, missing, wake=touched.health_by)


def _pulling(look: Look, record: HostRecord, missing: tuple[Effect, ...]) -> Step:
    """Only for a host that was left out before, or whose image somebody removed."""
    by = record.health_by or look.later(look.deployment.policy.prepare_deadline)
    record = replace(record, phase=HostPhase.PULLING, health_by=by)
    if passed(by, look.now):
        return Step(
            record, fault=Fault(record.host, "pull", f"not pulled in time{trouble(look, record.host)}")
        )
    return Step(record, missing, wake=by)


def _unchanged(look: Look, plan: HostPlan) -> bool:
    """It runs exactly this release already, in rotation and kept: there is nothing to do."""
    standing = look.standing(plan.host)
    if look.deployment.record(plan.host).parked_at is not None:
        return False
    if not converge.complete(look, plan) or converge.leftovers(look, plan):
        return False
    if not all(r.restart_always for r in standing):
        return False
    addresses = {r.address for r in standing}
    return all(
        {b.address for b in traffic.booked_for(look, site, plan.host) if b.state is BackendState.READY}
        == addresses
        and traffic.in_order(look, site)
        and traffic.same_domain(look, site)
        for site in traffic.sites_of(look.deployment, plan)
    )


def _whole(look: Look) -> tuple[Deployment, datetime | None]:
    """Where the fleet stands: still going, held after its canaries, baking as a whole, or good."""
    deployment = look.deployment
    records = [deployment.record(p.host) for p in deployment.hosts]
    touched = [r for r in records if r.touched]
    if any(not r.done and r.phase is not HostPhase.SKIPPED for r in records):
        going = deployment if deployment.bake_until is None else replace(deployment, bake_until=None)
        return (_asking(look, going) if pace.held(look) else going), None
    if touched and deployment.bake_until is None:
        until = look.later(deployment.policy.bake)
        return replace(deployment, bake_until=until), until
    if (
        not passed(deployment.bake_until or look.now, look.now)
        or not _steady(look, touched)
        or measure.held(look)
    ):
        return deployment, deployment.bake_until
    return replace(deployment, settled=True, finish_by=look.later(FINISH_PATIENCE)), look.now


def _asking(look: Look, deployment: Deployment) -> Deployment:
    until = look.later(deployment.policy.approve_within)
    return replace(deployment, status=move(deployment.status, Event.HELD), approve_by=until)


def _unsettled(look: Look) -> Fault | None:
    """After the fleet's bake everything must be well at one look; that is not waited for without end."""
    limit = look.deployment.bake_until and after(look.deployment.bake_until, SWITCH_PATIENCE)
    if not passed(limit, look.now) or measure.held(look):
        return None
    plans = [p for p in look.deployment.hosts if look.deployment.record(p.host).touched]
    late = next((p for p in plans if not traffic.arrived(look, p)), plans[0])
    why = "it was never well and in rotation together with the others"
    return Fault(late.host, "bake of the fleet", f"{why}{trouble(look, late.host)}")


def _steady(look: Look, touched: list[HostRecord]) -> bool:
    """Well, in rotation and kept at this very look."""
    plans = [p for p in look.deployment.hosts if look.deployment.record(p.host).touched]
    answering = {p.host for p in plans if look.count(p.host) or look.host(p.host).reachable}
    staying = [r for r in touched if look.count(r.host)]
    well = all(r.lost_at is None and r.replicas and all(x.good > 0 for x in r.replicas) for r in staying)
    there = [plan for plan in plans if plan.host in answering]
    return well and all(traffic.arrived(look, plan) and not converge.keep(look, plan) for plan in there)
