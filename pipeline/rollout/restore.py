"""The road back: every host to the previous release, side by side, the new replicas removed once nobody can reach them. Pure.

Nothing here is a verdict: gates are waits, trouble is tried again, `blocked` says what stands in the way. The registry
is asked only for an image that is no longer on the host. A way back is never itself turned back.
"""

from dataclasses import replace
from datetime import datetime

from pipeline.rollout import converge, entrance, health, hooks, traffic
from pipeline.rollout.departure import depart, may_depart
from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, HostRecord
from pipeline.rollout.effects import Effect, Prune
from pipeline.rollout.look import Decision, Look, Step, after, found, lost, passed, replace_look, soonest
from pipeline.rollout.observed import ReplicaState
from pipeline.rollout.release import HealthCheck, Hook
from pipeline.rollout.states import Event, move

BLOCKED_AFTER = 10.0  # seconds after the turn; before, waiting is only the work itself
LONGEST_PAUSE = 15.0  # seconds between starts of an old replica that keeps dying
LEAVING = "replicas of the failed release are still draining or being stopped"


def restoring(look: Look) -> Decision:
    plans = _worst_first(look)
    may_go = may_depart(look, plans)
    steps = [_restore(look, plan, plan.host in may_go) for plan in plans]
    look = look.with_records(step.record for step in steps)
    effects: list[Effect] = [*traffic.switches(look), *(e for step in steps for e in step.effects)]
    obstacles = [step for step in steps if step.obstacle and not _given_up(look, step.record)]
    if not effects and not obstacles:
        effects = list(hooks.due(look, Hook.ON_FAILURE))
        look = replace_look(look, hooks.waited_for(look))
        if not effects:
            return Decision(_restored(look, steps))
    deployment = replace(look.deployment, blocked=_blocked(look, obstacles))
    return Decision(deployment, effects=tuple(effects), wait_until=soonest(step.wake for step in steps))


def _worst_first(look: Look) -> list[HostPlan]:
    """Hosts where users reach the failed release come before those where it only runs."""

    def safe(plan: HostPlan) -> bool:
        return not any(traffic.in_rotation(look, plan, r) for r in converge.leftovers(look, plan))

    return sorted(look.deployment.hosts, key=safe)


def _restore(look: Look, plan: HostPlan, may_go: bool) -> Step:
    record = look.deployment.record(plan.host)
    if not look.host(plan.host).reachable:
        record = lost(record, look.now)
        wake = after(_silent_since(look, record), look.deployment.policy.unreachable_grace)
        return Step(record, wake=wake, obstacle=f"it does not answer: {look.host(plan.host).error}")
    record = _deaths(look, plan, _rebooted(look, found(record)))
    kept = tuple(converge.sampled(look, record, r) for r in look.standing(plan.host))
    record = record if kept == record.replicas else replace(record, replicas=kept)
    leaving = _leave(look, plan, record, may_go)
    if leaving:
        return leaving
    missing = converge.bring_up(look, plan)
    record = _clocked(look, record, bool(missing))
    unfit = f"release {_name(look)} is not running{_said(look, plan)}" if missing else _unfit(look, record)
    if not unfit and record.admitted_at is None:
        return Step(
            replace(record, admitted_at=look.now), wake=look.now, obstacle="its proxy is being switched"
        )
    if record.start_after and not passed(record.start_after, look.now):
        missing = ()
    return _settle(look, plan, record, missing, unfit)


def _leave(look: Look, plan: HostPlan, record: HostRecord, may_go: bool) -> Step | None:
    """Stop-first holds on the way back as well. Nothing here gives up: what does not go well is an obstacle."""
    gone = not look.count(plan.host) and record.admitted_at is None
    leaving = (entrance.expel(look, plan, record) if gone else None) or depart(look, plan, record)
    if leaving is None:
        return None
    if not may_go:
        limit = after(look.deployment.failed_at or look.now, look.deployment.policy.deadline)
        return Step(record, wake=limit, obstacle="it waits, so that enough others serve")
    why = str(leaving.fault) if leaving.fault else "what runs there leaves first"
    return replace(leaving, fault=None, obstacle=f"{why}{_said(look, plan)}")


def _settle(look: Look, plan: HostPlan, record: HostRecord, missing: tuple[Effect, ...], unfit: str) -> Step:
    """The previous release is there or on its way: the rest of the host follows."""
    admitted = record.admitted_at is not None
    keep = converge.keep(look, plan) if admitted else ()
    record, leaving = _let_go(look, plan, record)
    silent = _silent(look, plan, record)
    obstacle = unfit or _obstacle(look, plan) or silent
    asked = _asked(look, record) if unfit or silent else []
    effects = (*missing, *keep, *leaving)
    if look.count(plan.host) and not unfit and traffic.arrived(look, plan):
        entering = entrance.enter(look, plan, record)
        record = entering.record if entering else entrance.entered(record)
        effects = (*effects, *(entering.effects if entering else ()))
        obstacle = _kept_out(look, plan) if entering else obstacle
    if not obstacle and record.phase is not HostPhase.FAILED:
        record = replace(record, phase=HostPhase.RESTORED)
    if not obstacle and not effects and not record.pruned:
        effects = (Prune(plan.host),)
    return Step(
        record, effects, wake=soonest([*asked, record.drain_by, record.start_after]), obstacle=obstacle
    )


def _asked(look: Look, record: HostRecord) -> list[datetime | None]:
    check = look.aim.spec.health if look.aim else HealthCheck()
    return [health.due_at(r, check, eager=record.admitted_at is None) for r in record.replicas]


def _rebooted(look: Look, record: HostRecord) -> HostRecord:
    """What its engine or machine brings back has all its time to get well."""
    boot = look.host(record.host).boot
    return record if not boot or boot == record.boot else replace(record, boot=boot, health_by=None)


def _deaths(look: Look, plan: HostPlan, record: HostRecord) -> HostRecord:
    """An old replica that dies again is started again, with growing pauses."""
    ended = {r.container for r in look.replicas(plan.host) if r.state is ReplicaState.EXITED}
    if not any(r.container in ended for r in record.replicas):
        return record
    pause = min(LONGEST_PAUSE, 0.5 * 2.0 ** min(record.reboots, 8))
    return replace(record, reboots=record.reboots + 1, start_after=look.later(pause))


def _clocked(look: Look, record: HostRecord, incomplete: bool) -> HostRecord:
    """Their time to get well begins when all replicas are first seen to run here, however late that is."""
    by = None if incomplete else record.health_by or look.later(look.deployment.policy.deadline)
    return record if by == record.health_by else replace(record, health_by=by)


def _unfit(look: Look, record: HostRecord) -> str:
    """Why the previous release may not get traffic here yet. It ran before: one good answer is enough for a warm
    replica, and after the deadline it gets its traffic back in any case; nothing better is there."""
    check = look.aim.spec.health if look.aim else HealthCheck()
    if passed(record.health_by, look.now):
        return ""
    warm = {r.container for r in look.standing(record.host) if r.restart_always}
    waiting = [r for r in record.replicas if r.good < (1 if r.container in warm else check.rise)]
    if record.admitted_at is not None or not waiting:
        return ""
    return f"replica {waiting[0].index} of release {_name(look)} is not healthy yet: {waiting[0].note or 'no answer yet'}"


def _silent(look: Look, plan: HostPlan, record: HostRecord) -> str:
    """Why its users would meet nobody, although the previous release has its place in the route: the engine has started
    a replica again, and that answers neither us nor its proxy yet."""
    if passed(record.health_by, look.now):
        return ""
    sites = [traffic.seen(look, site) for site in traffic.sites_of(look.deployment, plan)]
    held = {r.container for r in look.standing(plan.host) if any(s.holds(r.address) for s in sites)}
    mute = next((r for r in record.replicas if not r.good or r.container in held), None)
    if mute is None:
        return ""
    who = f"replica {mute.index} of release {_name(look)}"
    why = "its proxy has had no answer from it yet" if mute.good else mute.note or "no answer yet"
    return f"{who} was started again and is not back: {why}"


def _let_go(look: Look, plan: HostPlan, record: HostRecord) -> tuple[HostRecord, tuple[Effect, ...]]:
    """Stop the failed release where nobody can reach it. Without a proxy: not before the previous one is there."""
    others = converge.leftovers(look, plan)
    if not others or (not plan.sites and record.admitted_at is None):
        return record, ()
    if record.drain_by is None and traffic.routed_around(look, plan, others):
        record = replace(record, drain_by=look.later(look.deployment.policy.drain_timeout))
    return record, converge.retire(look, plan, record)


def _obstacle(look: Look, plan: HostPlan) -> str:
    if not traffic.arrived(look, plan):
        return f"its proxy does not serve release {_name(look)} yet{_said(look, plan)}"
    if converge.leftovers(look, plan):
        return f"{LEAVING}{_said(look, plan)}"
    return ""


def _kept_out(look: Look, plan: HostPlan) -> str:
    name = look.deployment.load_balancer
    return f"load balancer {name} does not send to it yet, it has it as {entrance.state(look, plan)}{_said(look, plan)}"


def _said(look: Look, plan: HostPlan) -> str:
    places = {
        plan.host,
        f"load balancer {look.deployment.load_balancer}",
        *(str(site) for site in traffic.sites_of(look.deployment, plan)),
    }
    notes = [t.note for t in look.deployment.troubles if t.where in places]
    return f": {notes[0]}" if notes else ""


def _name(look: Look) -> str:
    return str(look.aim.number) if look.aim else "none"


def _blocked(look: Look, obstacles: list[Step]) -> str:
    """Waiting for requests to end is no blockade; everything else is, after a moment."""
    if not passed(after(look.deployment.failed_at or look.now, BLOCKED_AFTER), look.now):
        return ""
    hard = [step for step in obstacles if step.obstacle != LEAVING]
    return "; ".join(f"{step.record.host}: {step.obstacle}" for step in hard)


def _silent_since(look: Look, record: HostRecord) -> datetime:
    return max(record.lost_at or look.now, look.deployment.failed_at or look.now)


def _given_up(look: Look, record: HostRecord) -> bool:
    """It does not answer, and is not waited for any longer."""
    grace = look.deployment.policy.unreachable_grace
    return record.lost_at is not None and passed(after(_silent_since(look, record), grace), look.now)


def _restored(look: Look, steps: list[Step]) -> Deployment:
    deployment = look.deployment
    parts = [deployment.error]
    if deployment.previous is None:
        parts.append("There was nothing to go back to: no release is running.")
    silent = [step.record.host for step in steps if step.obstacle]
    if silent:
        parts.append(
            f"Not restored, they do not answer: {', '.join(silent)}; deploy again when they are back."
        )
    parts += [entrance.owed(deployment), hooks.noted(deployment)]
    return replace(
        deployment,
        status=move(deployment.status, Event.RESTORED),
        error=_sentences(parts),
        blocked="",
        finished_at=look.now,
    )


def _sentences(parts: list[str]) -> str:
    """One text; what another sentence follows ends as one."""
    *first, last = [part for part in parts if part] or [""]
    return " ".join([*(part if part.endswith((".", "!", "?")) else f"{part}." for part in first), last])
