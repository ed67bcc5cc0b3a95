"""The steps of a plan in words: what would be done, and why. Pure; for people only."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.fleet.proxy import BackendState
from pipeline.rollout.compare import promise
from pipeline.rollout.deployment import Deployment, HostPhase
from pipeline.rollout.effects import (
    Admit,
    CheckProxy,
    Effect,
    Explain,
    Keep,
    Park,
    Prune,
    Pull,
    Retire,
    RunHook,
    Start,
    Switch,
)
from pipeline.rollout.look import Decision


@dataclass(frozen=True)
class PlannedStep:
    """`host` is empty for what concerns the whole environment. `sign`: + a replica comes, - one goes, ~ traffic moves."""

    host: str
    what: str
    why: str
    sign: str = ""


def told(before: Deployment, decision: Decision) -> Iterator[PlannedStep]:
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
    elif phase is HostPhase.DRAINING:
        text = f"take what runs there out of rotation, wait for its requests (at most {policy.drain_timeout:g} s)"
        yield PlannedStep(host, text, "stop-first: two do not run side by side")
    elif phase is HostPhase.BAKING:
        why = "; ".join(
            filter(
                None, ("some releases break only under traffic", promise(deployment), *_metrics(deployment))
            )
        )
        yield PlannedStep(host, f"watch it for {policy.bake:g} s", why)
    elif phase in (HostPhase.SKIPPED, HostPhase.FAILED):
        yield PlannedStep(host, str(phase), error)


def _metrics(deployment: Deployment) -> list[str]:
    named = deployment.service, deployment.environment, deployment.release.number
    return [f"metric {c.about(*named)} at most {c.most:g}" for c in deployment.policy.metrics]


def _words(effect: Effect, deployment: Deployment) -> PlannedStep:
    match effect:
        case Switch():
            return PlannedStep(effect.site.host, *_route_words(effect), "~")
        case CheckProxy():
            text = f"ask {effect.site} whether it would load the route"
            return PlannedStep(effect.site.host, text, "a configuration that does not load stops it here")
        case RunHook():
            text = f"run once: {' '.join(effect.plan.spec.command_of(effect.hook))}"
            return PlannedStep(
                effect.host, text, f"{effect.hook}, with the image of release {effect.plan.release}"
            )
        case Park():
            text = f"take it out of load balancer {effect.balancer}, then wait until it has no request"
            return PlannedStep(effect.host, text, f"at least {effect.keep} others go on serving", "~")
        case Admit():
            text = (
                f"let it into load balancer {effect.balancer} again, and wait until that says it is healthy"
            )
            return PlannedStep(effect.host, text, "it serves the new release by itself", "~")
        case _:
            sign = {Start: "+", Retire: "-"}.get(type(effect), "")
            return PlannedStep(effect.host, *_host_words(effect, deployment), sign)


def _host_words(
    effect: Pull | Start | Keep | Retire | Prune | Explain, deployment: Deployment
) -> tuple[str, str]:
    match effect:
        case Pull():
            return f"pull {effect.image}", "the image is not on this host yet"
        case Start():
            text = f"start replica {effect.plan.index} of release {effect.plan.release}"
            return text, "after what ran there" if deployment.policy.stops_first else "beside what runs there"
        case Keep():
            return f"let the engine restart {_short(effect.container)}", "it was admitted"
        case Retire():
            return (
                f"stop and remove {_short(effect.container)}",
                "no proxy sends to it any more, and it has answered all",
            )
        case Prune():
            return "remove images that nobody needs", "nothing goes back to them"
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
