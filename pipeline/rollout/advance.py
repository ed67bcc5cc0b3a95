"""One touched host on the road forward: start, gate, switch, bake, and then watched until the whole rollout ends. Pure.

Looks at one host only; which host may begin, and when all of them are done, is `forward`'s.
"""

from dataclasses import replace

from pipeline.rollout import converge, entrance, health, traffic
from pipeline.rollout.departure import depart
from pipeline.rollout.deployment import HostPhase, HostPlan, HostRecord, ReplicaRecord
from pipeline.rollout.effects import Effect
from pipeline.rollout.look import Fault, Look, Step, after, found, lost, passed, soonest

SWITCH_PATIENCE = 60.0  # seconds that a proxy site has to serve a new route, however long the gate took
MAX_REBOOTS = 3


def advance(look: Look, plan: HostPlan) -> Step:
    record = look.deployment.record(plan.host)
    if not look.host(plan.host).reachable:
        return _lost(look, record)
    step = observe(look, plan, found(record))
    if step.fault or step.record.done:
        return replace(step, effects=converge.keep(look, plan))
    leaving = depart(look, plan, step.record)
    if leaving:
        return leaving
    missing = converge.bring_up(look, plan)
    if missing:
        return _starting(look, step.record, missing)
    if step.record.admitted_at is None:
        return _gate(look, _all_there(look, record, step.record))
    return _carry(look, plan, step.record)


def _all_there(look: Look, before: HostRecord, record: HostRecord) -> HostRecord:
    """Their time to get well begins when all replicas are first seen to run, however long that took us."""
    if len(before.replicas) < look.count(record.host) <= len(record.replicas):
        return replace(record, health_by=look.later(patience(look)))
    return record


def _lost(look: Look, record: HostRecord) -> Step:
    record = lost(record, look.now)
    grace = after(record.lost_at or look.now, look.deployment.policy.unreachable_grace)
    why = look.host(record.host).error
    if not passed(grace, look.now):
        return Step(record, wake=grace)
    why = f"it was touched and then did not answer for {look.deployment.policy.unreachable_grace:g} s: {why}"
    return Step(record, fault=Fault(record.host, converge.stage(record), why))


def observe(look: Look, plan: HostPlan, record: HostRecord) -> Step:
    """Evidence, and the first reason not to go on."""
    record = _rebooted(look, plan, record)
    if record.reboots > MAX_REBOOTS:
        why = f"its engine restarted {record.reboots} times during the rollout"
        return Step(record, fault=Fault(plan.host, converge.stage(record), why))
    record, fault = converge.watch(look, plan, record)
    return Step(record, fault=fault or _unwell(look, record))


def _rebooted(look: Look, plan: HostPlan, record: HostRecord) -> HostRecord:
    """A death across a restart of the machine or its engine blames nobody: the gate begins anew."""
    boot = look.host(plan.host).boot
    if not boot or boot == record.boot:
        return record
    if not record.boot or converge.watch(look, plan, record)[1] is None:
        return replace(record, boot=boot)
    return HostRecord(
        plan.host,
        phase=HostPhase.STARTING,
        touched=True,
        boot=boot,
        ignored=(*record.ignored, *look.dead(plan.host)),
        reboots=record.reboots + 1,
        health_by=look.later(patience(look)),
        drain_by=record.drain_by,
        canary=record.canary,
        parked_at=record.parked_at,
        joined_at=record.joined_at,
    )


def patience(look: Look) -> float:
    return health.patience(look.deployment.release.spec.health, look.deployment.policy.deadline)


def _unwell(look: Look, record: HostRecord) -> Fault | None:
    check = look.deployment.release.spec.health
    grace = look.deployment.policy.unreachable_grace
    for replica in record.replicas:
        name = f"replica {replica.index} of release {look.deployment.release.number}"
        why = ""
        if health.smoke_failed(replica, check):
            why = f"{name} says that it is well, but {replica.note}"
        elif record.admitted_at is not None and health.fallen(replica, check):
            why = f"{name} failed {replica.bad} health checks in a row: {replica.note}"
        elif replica.unknown_since and passed(after(replica.unknown_since, grace), look.now):
            why = f"{name} could not be asked for {grace:g} s: {replica.note}"
        if why:
            return Fault(record.host, converge.stage(record), why, replica.container)
    return None


def _starting(look: Look, record: HostRecord, missing: tuple[Effect, ...]) -> Step:
    by = record.health_by or look.later(patience(look))
    record = replace(record, phase=HostPhase.STARTING, health_by=by)
    if passed(record.health_by, look.now):
        return Step(
            record, fault=Fault(record.host, "start", f"not started in time{trouble(look, record.host)}")
        )
    return Step(record, effects=missing, wake=record.health_by)


def _gate(look: Look, record: HostRecord) -> Step:
    check, healthy_for = look.deployment.release.spec.health, look.deployment.policy.healthy_for
    sick = [r for r in record.replicas if not health.proved(r, check, healthy_for, look.now)]
    if not sick:
        return Step(replace(record, phase=HostPhase.SWITCHING, admitted_at=look.now))
    hopeless = next((r for r in sick if _too_late(look, record, r)), None)
    if hopeless:
        return Step(record, fault=Fault(record.host, "gate", _late(look, hopeless), hopeless.container))
    proofs = [after(r.good_since, healthy_for) for r in record.replicas if r.good_since]
    asked = [health.due_at(r, check, eager=True) for r in record.replicas]
    wake = soonest([*asked, *(i for i in (record.health_by, *proofs) if i and i > look.now)])
    return Step(replace(record, phase=HostPhase.CHECKING), wake=wake)


def _too_late(look: Look, record: HostRecord, replica: ReplicaRecord) -> bool:
    """A replica that is well at its deadline may finish its row: nobody may have asked it while drivers changed."""
    if record.health_by is None or not passed(record.health_by, look.now):
        return False
    return replica.good == 0 or passed(after(record.health_by, patience(look)), look.now)


def _late(look: Look, sick: ReplicaRecord) -> str:
    name = f"replica {sick.index} of release {look.deployment.release.number}"
    return (
        f"{name} was not healthy within {patience(look):g} s; the last look: {sick.note or 'no answer yet'}"
    )


def _carry(look: Look, plan: HostPlan, record: HostRecord) -> Step:
    """Through switch and bake. The clocks of both are set once, when the sites are seen to serve."""
    keep = converge.keep(look, plan)
    policy = look.deployment.policy
    limit = after(record.bake_until or record.admitted_at or look.now, SWITCH_PATIENCE)
    if not traffic.arrived(look, plan):
        if passed(limit, look.now):
            return Step(
                record,
                fault=Fault(plan.host, "switch", f"its proxy did not take the route{refusals(look, plan)}"),
            )
        return Step(replace(record, phase=HostPhase.SWITCHING), keep, wake=limit)
    entering = entrance.enter(look, plan, record)
    if entering:
        return replace(entering, effects=(*keep, *entering.effects))
    if record.switched_at is None:
        record = entrance.entered(record)
        bake = policy.canary_bake if record.canary and policy.canary_bake is not None else policy.bake
        drain_by = look.later(policy.drain_timeout)
        record = replace(record, switched_at=look.now, drain_by=drain_by, bake_until=look.later(bake))
    well = bool(record.replicas) and all(r.good > 0 for r in record.replicas)
    if passed(record.bake_until, look.now) and well:
        return Step(replace(record, phase=HostPhase.DONE, done=True), keep)
    return Step(replace(record, phase=HostPhase.BAKING), keep, wake=record.bake_until)


def refusals(look: Look, plan: HostPlan) -> str:
    """What the sites of a host said against the last route."""
    names = [str(site) for site in traffic.sites_of(look.deployment, plan)]
    said = [trouble(look, name) or traffic.seen(look, s).error for name, s in
            zip(names, traffic.sites_of(look.deployment, plan), strict=True)]  # fmt: skip
    return next((text for text in said if text), "")


def trouble(look: Look, where: str) -> str:
    found = look.deployment.trouble(where)
    return f": {found.note}" if found and found.note else ""
