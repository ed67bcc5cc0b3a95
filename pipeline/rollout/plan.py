"""What a deployment would do, step by step: the same heart as in earnest, run over a world that only answers well. Pure.

Starts from what is really seen: a host that does not answer is left out here too, and a failing preflight shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.fleet.proxy import BackendSeen, BackendState, Route, SiteSeen, SiteWanted
from pipeline.rollout.decide import Decision, decide, to_ask
from pipeline.rollout.deployment import Deployment, HostPhase
from pipeline.rollout.effects import (
    BeforeDeploy,
    CheckProxy,
    Effect,
    Explain,
    Keep,
    Prune,
    Pull,
    Retire,
    Start,
    Switch,
)
from pipeline.rollout.observed import HostSeen, Observed, Outcome, ReplicaSeen, ReplicaState, Sample

MOST_LOOKS = 20_000


@dataclass(frozen=True)
class PlannedStep:
    """`host` is empty for what concerns the whole environment."""

    host: str
    what: str
    why: str


def plan(deployment: Deployment, observed: Observed) -> list[PlannedStep]:
    """Everything that would be done until the end. Its last step says how it would end."""
    now = deployment.created_at
    steps: list[PlannedStep] = []
    for _ in range(MOST_LOOKS):
        decision = decide(deployment, _asked(deployment, observed, now), now)
        steps.extend(_told(deployment, decision))
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
    return replace(observed, samples=samples, smoke=smoke)


# ------------------------------------------------------------------------------------------------ the world


def _applied(deployment: Deployment, observed: Observed, effects: tuple[Effect, ...]) -> Observed:
    """The world in which each effect did at once what it should."""
    for effect in effects:
        if isinstance(effect, Switch):
            observed = _switched(deployment, observed, effect)
        elif isinstance(effect, Pull | Start | Keep | Retire | Prune):
            host = _changed(observed.hosts[effect.host], effect)
            observed = replace(observed, hosts={**observed.hosts, effect.host: host})
    return replace(observed, outcomes=tuple(Outcome(effect) for effect in effects))


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
            return replace(host, images=host.images & frozenset(effect.keep))


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


def _switched(deployment: Deployment, observed: Observed, effect: Switch) -> Observed:
    before = observed.wanted.get(effect.site, SiteWanted(effect.site, 0))
    own = Route(effect.site, deployment.service, deployment.environment, deployment.domain, effect.backends)
    routes = (*(r for r in before.routes if r.name != own.name), *([own] if own.backends else []))
    wanted = SiteWanted(effect.site, before.generation + 1, routes)
    served = tuple(BackendSeen(b.address, b.state, sessions=0) for r in routes for b in r.backends)
    seen = SiteSeen(effect.site, True, wanted.generation, served)
    return replace(
        observed,
        wanted={**observed.wanted, effect.site: wanted},
        sites={**observed.sites, effect.site: seen},
    )


# ------------------------------------------------------------------------------------------------ words


def _told(before: Deployment, decision: Decision) -> Iterator[PlannedStep]:
    for record in decision.deployment.records:
        if record.phase is not before.record(record.host).phase:
            yield from _waits(record.host, record.phase, record.error, decision.deployment)
    for effect in decision.effects:
        yield _words(effect, decision.deployment)
    if decision.deployment.bake_until and not before.bake_until:
        text = f"watch all hosts for {before.policy.bake:g} s"
        yield PlannedStep("", text, "some releases break only when all of them run")


def _waits(host: str, phase: HostPhase, error: str, deployment: Deployment) -> Iterator[PlannedStep]:
    check, policy = deployment.release.spec.health, deployment.policy
    if phase is HostPhase.CHECKING:
        asked = f"{check.kind} {check.path}" if check.kind == "http" else str(check.kind)
        text = f"wait for {check.rise} good answers in a row ({asked}) over {policy.healthy_for:g} s"
        yield PlannedStep(host, text, "no user reaches a replica that has not proved itself")
    elif phase is HostPhase.BAKING:
        yield PlannedStep(host, f"watch it for {policy.bake:g} s", "some releases break only under traffic")
    elif phase in (HostPhase.SKIPPED, HostPhase.FAILED):
        yield PlannedStep(host, str(phase), error)


def _words(effect: Effect, deployment: Deployment) -> PlannedStep:
    match effect:
        case Switch():
            return PlannedStep(effect.site.host, *_route_words(effect))
        case CheckProxy():
            text = f"ask {effect.site} whether it would load the route"
            return PlannedStep(effect.site.host, text, "a configuration that does not load stops it here")
        case BeforeDeploy():
            text = f"run once: {' '.join(deployment.release.spec.before_deploy)}"
            return PlannedStep(effect.host, text, "before_deploy, with the new image")
        case _:
            return PlannedStep(effect.host, *_host_words(effect))


def _host_words(effect: Pull | Start | Keep | Retire | Prune | Explain) -> tuple[str, str]:
    match effect:
        case Pull():
            return f"pull {effect.image}", "the image is not on this host yet"
        case Start():
            text = f"start replica {effect.plan.index} of release {effect.plan.release}"
            return text, "beside what runs there, on a free port"
        case Keep():
            return f"let the engine restart {_short(effect.container)}", "it was admitted"
        case Retire():
            return f"stop and remove {_short(effect.container)}", "no proxy can send to it any more"
        case Prune():
            return "remove images that nobody needs", f"{len(effect.keep)} are kept"
        case Explain():
            return f"keep the last lines of {_short(effect.container)}", "it failed"


def _route_words(effect: Switch) -> tuple[str, str]:
    ready = sorted(f"{b.host}/{b.release}" for b in effect.backends if b.state is BackendState.READY)
    draining = sum(b.state is BackendState.DRAIN for b in effect.backends)
    text = f"route {effect.site} to {', '.join(ready) or 'nothing'} (host/release)"
    return (
        text,
        f"{draining} replicas stay warm, out of rotation" if draining else "nothing else stays in the route",
    )


def _short(container: str) -> str:
    return container if " " in container else container[:12]
