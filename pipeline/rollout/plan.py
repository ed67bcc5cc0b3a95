"""What a deployment would do, step by step: the same heart as in earnest, run over a world that only answers well. Pure.

Starts from what is really seen: a host that does not answer is left out here too, and a failing preflight shows.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.fleet.balancer import Member, MemberState, Target
from pipeline.fleet.metric import Reading
from pipeline.fleet.proxy import BackendSeen, Route, SiteSeen, SiteWanted
from pipeline.rollout.decide import Decision, decide, to_ask
from pipeline.rollout.deployment import Deployment
from pipeline.rollout.effects import (
    Admit,
    Effect,
    Keep,
    Park,
    Prune,
    Pull,
    Retire,
    Start,
    Switch,
)
from pipeline.rollout.measure import due
from pipeline.rollout.observed import (
    EntranceSeen,
    HostSeen,
    Observed,
    Outcome,
    ReplicaSeen,
    ReplicaState,
    Sample,
)
from pipeline.rollout.wording import PlannedStep, told

MOST_LOOKS = 20_000


def plan(deployment: Deployment, observed: Observed, now: datetime | None = None) -> list[PlannedStep]:
    """Everything that would be done until the end. Its last step says how it would end. `now`: of one under way."""
    now = now or deployment.created_at
    steps: list[PlannedStep] = []
    for _ in range(MOST_LOOKS):
        decision = decide(deployment, _asked(deployment, observed, now), now)
        steps.extend(told(deployment, decision))
        deployment = decision.deployment
        if deployment.over:
            break
        observed = _applied(deployment, observed, decision.effects)
        if not decision.effects:
            now = _next(decision, now)
    text = f"it ends {deployment.status.replace('_', ' ')}"
    return [*steps, PlannedStep("", text, deployment.error or "every host runs the release and it is well")]


def _next(decision: Decision, now: datetime) -> datetime:
    interval = timedelta(seconds=max(0.1, decision.deployment.release.spec.health.interval))
    until = decision.wait_until
    return now + interval if until is None or until <= now else min(until, now + interval)


def _asked(deployment: Deployment, observed: Observed, now: datetime) -> Observed:
    questions = to_ask(deployment, observed, now)
    samples = {q.container: Sample(q.container, now, ok=True, note="well, in this plan") for q in questions}
    smoke = {q.container: samples[q.container] for q in questions if q.smoke}
    readings = tuple(Reading(c.query, c.most, now) for c in due(deployment, now))
    return replace(observed, samples=samples, smoke=smoke, readings=readings)


# ------------------------------------------------------------------------------------------------ the world


def _applied(deployment: Deployment, observed: Observed, effects: tuple[Effect, ...]) -> Observed:
    """The world in which each effect did at once what it should."""
    hosts, wanted, sites = dict(observed.hosts), dict(observed.wanted), dict(observed.sites)
    entrance = observed.entrance
    for effect in effects:
        if isinstance(effect, Switch):
            wanted[effect.site] = _routed(deployment, wanted.get(effect.site), effect)
            sites[effect.site] = _served(wanted[effect.site])
        elif isinstance(effect, Park | Admit):
            entrance = _balanced(entrance or EntranceSeen(), effect)
        elif isinstance(effect, Pull | Start | Keep | Retire | Prune):
            hosts[effect.host] = _changed(hosts[effect.host], effect)
    outcomes = tuple(Outcome(effect) for effect in effects)
    return replace(observed, hosts=hosts, wanted=wanted, sites=sites, entrance=entrance, outcomes=outcomes)


def _changed(host: HostSeen, effect: Pull | Start | Keep | Retire | Prune) -> HostSeen:
    match effect:
        case Pull():
            return replace(host, images=host.images | {effect.image})
        case Start():
            return replace(host, replicas=(*host.replicas, _started(effect)))
        case Keep():
            kept = (
                replace(r, restart_always=True) if r.container == effect.container else r
                for r in host.replicas
            )
            return replace(host, replicas=tuple(kept))
        case Retire():
            return replace(host, replicas=tuple(r for r in host.replicas if r.container != effect.container))
        case Prune():
            return host


def _started(effect: Start) -> ReplicaSeen:
    name = f"{effect.plan.service}-{effect.plan.release}-{effect.plan.index}"
    return ReplicaSeen(
        container=f"new {name} on {effect.host}",
        name=name,
        release=effect.plan.release,
        index=effect.plan.index,
        state=ReplicaState.RUNNING,
        started_at="in this plan",
        image=effect.plan.image,
        address=f"{effect.host}:new-{effect.plan.index}",
    )


def _routed(deployment: Deployment, before: SiteWanted | None, effect: Switch) -> SiteWanted:
    before = before or SiteWanted(effect.site, 0)
    own = Route(effect.site, deployment.service, deployment.environment, deployment.domain, effect.backends)
    routes = (*(r for r in before.routes if r.name != own.name), *([own] if own.backends else []))
    return SiteWanted(effect.site, before.generation + 1, routes)


def _served(wanted: SiteWanted) -> SiteSeen:
    backends = tuple(BackendSeen(b.address, b.state, sessions=0) for r in wanted.routes for b in r.backends)
    return SiteSeen(wanted.site, True, wanted.generation, backends)


def _balanced(entrance: EntranceSeen, effect: Park | Admit) -> EntranceSeen:
    state = MemberState.PARKED if isinstance(effect, Park) else MemberState.SERVING
    before = entrance.members.get(effect.host, Member(Target(effect.host, 0), state))
    return replace(entrance, members={**entrance.members, effect.host: replace(before, state=state)})
