"""Applies the effects that were decided, side by side where they touch different things; the replicas of one host start and
end side by side as well. Decides nothing.

Before the first effect the lease is held once more, and before each later one unless that was just now, so that a driver
which slept through its end touches nothing. What the world answers becomes an `Outcome`, in which secrets are hidden: it
may be what a container printed. Only the loss of the lease ends the work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from pipeline.errors import ConfigRefused, Outdated, Rejected, ShipwayError, StageFailed, Stopped, Unreachable
from pipeline.fleet.proxy import Backend, Route, Site, SiteWanted
from pipeline.lease import Lease, site_key
from pipeline.ports import Ports
from pipeline.retention.need import images_needed
from pipeline.retention.prune import Pruned, make_room
from pipeline.rollout.balance import balance
from pipeline.rollout.deployment import Deployment, Status
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
from pipeline.rollout.observed import Outcome, Verdict
from pipeline.rollout.places import host_of, proxy_of

LEASE_TTL = 5.0  # seconds, as the worker's keeper extends it
JUST_NOW = timedelta(seconds=LEASE_TTL / 5)  # nobody else can have taken what was extended then
SITE_TTL = 10.0  # seconds; one configuration is written and loaded well within it
LOG_LINES = 50
OF_A_REPLICA = (Start, Keep, Retire)


@dataclass(frozen=True)
class _Held:
    """A lease, and when it was extended last."""

    lease: Lease
    at: datetime


def apply(
    effects: Sequence[Effect], deployment: Deployment, lease: Lease, ports: Ports
) -> tuple[Outcome, ...]:
    """One after the other on one thing, side by side on different ones."""
    ordered = sorted(effects, key=lambda effect: effect.where)
    groups = [list(group) for _, group in groupby(ordered, key=lambda effect: effect.where)]
    held = _Held(lease, ports.clock.now())
    if groups:
        _hold(lease, ports)
    return tuple(_each([_job(group, deployment, held, ports) for group in groups], ports))


def _hold(lease: Lease, ports: Ports) -> None:
    if not ports.leases.extend(lease, LEASE_TTL):
        raise Stopped(f"The lease {lease.key} went to another driver; nothing more is touched.")


def _job(
    effects: list[Effect], deployment: Deployment, held: _Held, ports: Ports
) -> Callable[[], list[Outcome]]:
    """What touches one replica alone first and together: each has a name of its own, and the engine gives a port to one
    of them only."""

    def one(effect: Effect) -> Callable[[], list[Outcome]]:
        return lambda: [_one(effect, deployment, held, ports)]

    def work() -> list[Outcome]:
        together = _each([one(effect) for effect in effects if isinstance(effect, OF_A_REPLICA)], ports)
        others = [effect for effect in effects if not isinstance(effect, OF_A_REPLICA)]
        return [*together, *(_one(effect, deployment, held, ports) for effect in others)]

    return work


def _each(jobs: Sequence[Callable[[], list[Outcome]]], ports: Ports) -> list[Outcome]:
    results = ports.hands.each(jobs)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [outcome for result in results if not isinstance(result, Exception) for outcome in result]


def _one(effect: Effect, deployment: Deployment, held: _Held, ports: Ports) -> Outcome:
    if not timedelta(0) <= ports.clock.now() - held.at < JUST_NOW:
        _hold(held.lease, ports)
    outcome = _tried(effect, deployment, held.lease, ports)
    return replace(outcome, note=ports.logs.masked(outcome.note)) if outcome.note else outcome


def _tried(effect: Effect, deployment: Deployment, lease: Lease, ports: Ports) -> Outcome:
    try:
        return _apply(effect, deployment, lease, ports)
    except Stopped:
        raise
    except (StageFailed, Rejected, ConfigRefused) as error:
        return Outcome(effect, _verdict(error), str(error))
    except ShipwayError as error:
        return Outcome(effect, Verdict.TROUBLE, str(error))


def _verdict(error: ShipwayError) -> Verdict:
    return Verdict.FAULT if isinstance(error, StageFailed) else Verdict.REFUSED


def _apply(effect: Effect, deployment: Deployment, lease: Lease, ports: Ports) -> Outcome:
    match effect:
        case Switch():
            return _switch(effect, deployment, lease, ports)
        case CheckProxy():
            return _check(effect, deployment, ports)
        case RunHook():
            return _run_hook(effect, deployment, ports)
        case Park() | Admit():
            return balance(effect, lease, ports)
        case _:
            return Outcome(effect, note=_on_host(effect, deployment, ports))


def _on_host(
    effect: Pull | Start | Keep | Retire | Prune | Explain, deployment: Deployment, ports: Ports
) -> str:
    host = host_of(effect.host, ports)
    match effect:
        case Pull():
            ports.engines.pull(host, effect.image, ports.settings.registry)
        case Start():
            ports.engines.start(host, effect.plan)
        case Keep():
            ports.engines.keep(host, effect.container)
        case Retire():
            ports.engines.retire(host, effect.container, effect.stop_timeout)
        case Prune():
            needed = images_needed(deployment.service, ports, deployment)
            ports.engines.prune(host, deployment.service, sorted(needed))
            if effect.everything:
                return _left(make_room(host.name, f"deployment:{deployment.id}", ports))
        case Explain():
            return ports.engines.logs(host, effect.container, LOG_LINES)
    return ""


def _left(pruned: Pruned) -> str:
    """What could not be removed, in the sentences it came with."""
    return " ".join([*pruned.troubles, *(done.error for done in pruned.goers if done.error)])


def _run_hook(effect: RunHook, deployment: Deployment, ports: Ports) -> Outcome:
    command = effect.plan.spec.command_of(effect.hook)
    timeout = deployment.policy.prepare_deadline
    code, output = ports.engines.once(host_of(effect.host, ports), effect.plan, command, timeout)
    if code == 0:
        return Outcome(effect, note=output)
    return Outcome(
        effect, Verdict.FAULT, f"{effect.hook} ({' '.join(command)}) ended with code {code}: {output}"
    )


def _switch(effect: Switch, deployment: Deployment, lease: Lease, ports: Ports) -> Outcome:
    """Books first, under the deployment's fence; then the site, which refuses a generation older than its own."""
    place = proxy_of(effect.site, ports), host_of(effect.site.host, ports)
    taken_at = ports.clock.now()
    held = ports.leases.take(site_key(effect.site), lease.owner, SITE_TTL)
    if held is None:
        raise Unreachable(f"{effect.site} is being configured by somebody else; it is tried again.")
    try:
        before = _route(ports.routes.wanted(effect.site), deployment)
        route = _own(effect.site, effect.backends, deployment)
        wanted = ports.routes.put(route, lease, drains=place[0].names_drains)
        late = not timedelta(0) <= ports.clock.now() - taken_at < JUST_NOW
        if late and not ports.leases.extend(held, SITE_TTL):
            raise Unreachable(
                f"{effect.site} went to somebody else in the middle of a switch; it is tried again."
            )
        try:
            ports.proxies.serve(*place, wanted)
        except ConfigRefused:
            ports.routes.put(before or _own(effect.site, (), deployment), lease)
            raise
        except Outdated as newer:
            ports.routes.outgrow(effect.site, newer.running, lease)  # ends here whoever lost the deployment
            raise
    finally:
        ports.leases.give_back(held)
    return Outcome(effect)


def _check(effect: CheckProxy, deployment: Deployment, ports: Ports) -> Outcome:
    """Would the site load a route like ours? With an address of the host's own range while there is no replica."""
    host = host_of(effect.site.host, ports)
    example = Backend(f"{host.address}:{host.ports[0]}", host.name, deployment.release.number)
    candidate = _own(effect.site, effect.backends or (example,), deployment)
    books = ports.routes.wanted(effect.site)
    others = tuple(route for route in books.routes if route.name != candidate.name)
    ports.proxies.check(
        proxy_of(effect.site, ports), host, SiteWanted(effect.site, books.generation, (*others, candidate))
    )
    return Outcome(effect)


def _own(site: Site, backends: tuple[Backend, ...], deployment: Deployment) -> Route:
    return Route(
        site=site,
        service=deployment.service,
        environment=deployment.environment,
        domain=deployment.domain,
        backends=backends,
        drain_timeout=deployment.policy.drain_timeout,
        health=_asked(deployment),
    )


def _asked(deployment: Deployment) -> str:
    going_back = deployment.status is Status.ROLLING_BACK
    release = deployment.previous if going_back else deployment.release
    return release.spec.health.asked if release else ""


def _route(wanted: SiteWanted, deployment: Deployment) -> Route | None:
    name = _own(wanted.site, (), deployment).name
    return next((replace(route) for route in wanted.routes if route.name == name), None)
