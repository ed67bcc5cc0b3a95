"""Before the first host is touched: is every host fit, is the image everywhere, would the proxies load? Pure.

A failure here is `failed`, and nothing that serves has been changed. Then the release's own command runs once.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pipeline.rollout import entrance, hooks, traffic
from pipeline.rollout.deployment import Deployment, Happening, HostPhase, HostPlan, HostRecord
from pipeline.rollout.effects import CheckProxy, Effect, Prune, Pull
from pipeline.rollout.look import (
    Decision,
    Fault,
    Look,
    Step,
    after,
    enough,
    found,
    lost,
    passed,
    replace_look,
    soonest,
    with_records,
)
from pipeline.rollout.observed import HostSeen, Load, ReplicaState
from pipeline.rollout.release import Hook
from pipeline.rollout.states import Event, move
from pipeline.rollout.turn import refused

CLOCK_SKEW = 30.0  # seconds; beyond it signatures and certificates fail
SKIP_PATIENCE = 10.0  # seconds without an answer before a host is left out


def pending(look: Look) -> Decision:
    deployment = look.deployment
    begun = replace(
        deployment,
        status=move(deployment.status, Event.BEGUN),
        started_at=look.now,
        prepare_by=look.later(deployment.policy.prepare_deadline),
        records=tuple(HostRecord(plan.host, parked_at=_owed(look, plan)) for plan in deployment.hosts),
    )
    return Decision(begun)


def _owed(look: Look, plan: HostPlan) -> datetime | None:
    """What an earlier deployment parked and left so is put back by this one."""
    return look.now if plan.host in look.observed.parked else None


def preparing(look: Look) -> Decision:
    if look.deployment.failed_at is not None:
        return _failed(look)
    steps = [_prepare(look, plan) for plan in look.deployment.hosts]
    look = look.with_records(step.record for step in steps)
    fault = refused(look) or next((step.fault for step in steps if step.fault), None) or _late(look)
    if fault:
        return _unfit(look, fault)
    effects = [effect for step in steps for effect in step.effects] + list(_checks(look))
    absent = any(step.wake for step in steps) or bool(entrance.blind(look))
    if not effects and not absent:
        effects = list(hooks.due(look, Hook.BEFORE_DEPLOY))
        if not effects:
            return _prepared(look)
    wake = soonest([look.deployment.prepare_by, *(step.wake for step in steps)])
    return Decision(look.deployment, effects=tuple(effects), wait_until=wake)


def _prepare(look: Look, plan: HostPlan) -> Step:
    seen = look.host(plan.host)
    if not seen.reachable:
        return _absent(look, plan)
    record = found(look.deployment.record(plan.host))
    if not look.count(plan.host):
        return Step(record)
    unfit = entrance.unfit(look, plan)
    if unfit:
        return Step(record, fault=Fault(plan.host, "preflight", unfit))
    if seen.stranger:
        return Step(record, fault=Fault(plan.host, "preflight", _shared(look.deployment, seen.stranger)))
    if seen.clock_skew is not None and abs(seen.clock_skew) > CLOCK_SKEW:
        why = f"its clock is {seen.clock_skew:+.0f} s off ours; set up time synchronisation there"
        return Step(record, fault=Fault(plan.host, "preflight", why))
    if look.deployment.release.image in seen.images:
        return Step(replace(record, phase=HostPhase.WAITING))
    return _bring(look, plan, record, seen)


def _bring(look: Look, plan: HostPlan, record: HostRecord, seen: HostSeen) -> Step:
    """The image, where there is room for it."""
    load = look.observed.loads.get(plan.host, Load())
    if seen.free_bytes is not None and seen.free_bytes < load.needed:
        return _full(look, record, seen.free_bytes, load)
    if seen.free_bytes is None and not record.pruned and _troubled(look, plan):
        return Step(record, (Prune(plan.host, everything=True),))
    pull = Pull(plan.host, look.deployment.release.image)
    return Step(replace(record, phase=HostPhase.PULLING), (pull,))


def _troubled(look: Look, plan: HostPlan) -> bool:
    """Where nobody can say how full the disk is, a pull that failed once is reason enough to tidy up before the next."""
    return look.deployment.trouble(plan.host) is not None


def _shared(deployment: Deployment, stranger: str) -> str:
    """Names are all that tells the replicas of two Shipways apart for people, and ports for their proxies."""
    return (
        f"another Shipway (installation {stranger}) runs {deployment.service}/{deployment.environment} there. Rename the "
        "service or the environment in one of the two, or give it other hosts; if that one's database was lost, set "
        f"server.installation to {stranger}"
    )


def _full(look: Look, record: HostRecord, free: int, load: Load) -> Step:
    """What nobody needs goes first; if that does not help there is nothing more that we may remove."""
    if not record.pruned:
        return Step(record, (Prune(record.host, everything=True),))
    sum_ = f"{load.floor >> 20} to go on with (retention.disk_floor)"
    if load.image is not None:
        sum_ = f"twice the {load.image / (1 << 20):.1f} that are to be pulled, and {sum_}"
    why = (
        f"only {free >> 20} MiB of disk are free and {load.needed >> 20} are needed: {sum_}; make room there"
    )
    return Step(record, fault=Fault(record.host, "preflight", why))


def _absent(look: Look, plan: HostPlan) -> Step:
    """Left out after a while if the environment can afford it; a failure after the grace if it cannot."""
    record = lost(look.deployment.record(plan.host), look.now)
    since = record.lost_at or look.now
    leaving = not look.count(plan.host)
    why = f"it does not answer: {look.host(plan.host).error}"
    skip_at = after(since, SKIP_PATIENCE)
    if not passed(skip_at, look.now):
        return Step(record, wake=skip_at)
    if leaving or enough(look):
        return Step(replace(record, phase=HostPhase.SKIPPED, error=f"left out, {why}"))
    grace = after(since, look.deployment.policy.unreachable_grace)
    if passed(grace, look.now):
        return Step(record, fault=Fault(plan.host, "preflight", f"{why}; too few hosts are left"))
    return Step(record, wake=grace)


def _checks(look: Look) -> Iterator[Effect]:
    """Every site must be ready to load a route; sites on hosts that are left out are not asked."""
    skipped = {r.host for r in look.deployment.records if r.lost_at is not None}
    staying = {s for plan in look.deployment.staying for s in traffic.sites_of(look.deployment, plan)}
    for site in traffic.sites(look.deployment):
        if site not in staying:
            continue
        if str(site) not in look.deployment.checked and site.host not in skipped:
            yield CheckProxy(site, traffic.booked(look, site))


def _late(look: Look) -> Fault | None:
    if not passed(look.deployment.prepare_by, look.now):
        return None
    told = [f"{t.where}: {t.note}" for t in look.deployment.troubles] + [entrance.blind(look)]
    notes = "; ".join(filter(None, told)) or "no reason was seen"
    limit = look.deployment.policy.prepare_deadline
    return Fault("", "preflight", f"not everything was ready within {limit:g} s. {notes}")


def _unfit(look: Look, fault: Fault) -> Decision:
    deployment = look.deployment
    records = [
        replace(r, phase=HostPhase.FAILED, error=fault.why)
        for r in deployment.records
        if r.host == fault.host
    ]
    failed = replace(
        deployment, error=f"{fault} (nothing that serves was changed)", failed_at=look.now, troubles=()
    )
    return _failed(replace_look(look, with_records(failed, records)))


def _failed(look: Look) -> Decision:
    """The verdict stands; on_failure is run before it is final."""
    effects = hooks.due(look, Hook.ON_FAILURE)
    if effects:
        waiting = hooks.waited_for(look)
        return Decision(waiting, effects=effects, wait_until=waiting.hook_by)
    status = move(look.deployment.status, Event.FAILED)
    error = " ".join(filter(None, (look.deployment.error, hooks.noted(look.deployment))))
    return Decision(replace(look.deployment, status=status, error=error, finished_at=look.now))


def _prepared(look: Look) -> Decision:
    """What the way back needs is looked up now, while everything is well."""
    deployment = look.deployment
    rolling = replace(
        deployment,
        status=move(deployment.status, Event.PREPARED),
        previous_replicas=_previous_replicas(look),
        troubles=(),
        records=tuple(replace(r, pruned=False) for r in deployment.records),
    )
    return Decision(rolling, happenings=tuple(_warnings(look)), wait_until=look.now)


def _previous_replicas(look: Look) -> int:
    """How many of the previous release each host had: the highest number seen, the dead counted too."""
    previous = look.deployment.previous
    if previous is None:
        return 0
    seen = (r for plan in look.deployment.hosts for r in look.replicas(plan.host))
    return max((r.index + 1 for r in seen if r.of(previous)), default=0)


def _warnings(look: Look) -> Iterator[Happening]:
    previous = look.deployment.previous
    if previous is None:
        yield Happening(
            look.now, "warning", "there is no earlier good release: a failure leaves nothing running"
        )
        return
    for plan in look.deployment.hosts:
        if plan.before == 0:
            continue
        seen = look.host(plan.host)
        if seen.reachable and previous.image not in seen.images:
            text = f"the image of release {previous.number} is not on this host: going back would need the registry"
            yield Happening(look.now, "warning", text, plan.host)
        mine = [r for r in seen.replicas if r.of(previous)]
        dead = [r for r in mine if r.state is not ReplicaState.RUNNING]
        if dead:
            text = f"{len(dead)} of {len(mine)} replicas of release {previous.number} were dead already"
            yield Happening(look.now, "warning", text, plan.host)
