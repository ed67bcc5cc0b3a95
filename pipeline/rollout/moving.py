"""Flow 6: hosts are drained and resumed, services move. Writes down what was asked, and drafts the deployments for it.

Each is a deployment of what is live anyway, with the reason `migrate`: it takes nobody's place. Where another one is
under way it is left to the scheduler, who looks after what was written down (see `tend`). Never touches a host.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.placement import Placed, used
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, EnvironmentState, Reason, Status
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import Supposed, drafted, running_on, whereabouts


@dataclass(frozen=True)
class Moves:
    """`waiting`: environments that something else is being deployed to; their turn comes after it."""

    deployments: tuple[int, ...] = ()
    waiting: tuple[str, ...] = ()


def drain(host: str, by: str, reason: str, force: bool, ports: Ports) -> Moves:
    """From now on nothing is placed there, and what is there leaves. Refused before anything is written where an
    environment would be left with too few hosts; `force` allows fewer, but never none."""
    _known(host, ports)
    words = f"it is drained (by {by}{f': {reason}' if reason else ''})"
    concerned = [e for e in users(host, ports) if host in running_on(e, _state(e, ports))]
    for environment in concerned:
        _refuse_too_few(environment, host, Supposed(drained={host: words}), force, ports)
    ports.fleet.drain(host, by, reason)
    return migrate_all(concerned, by, f"{host} is drained", ports)


def resume(host: str, by: str, ports: Ports) -> Moves:
    """Back in: where it would have a share now, the live release is brought there before it enters rotation."""
    _known(host, ports)
    state = ports.fleet.hosts().get(host)
    if state is None or state.drained_at is None:
        raise Conflict(f"{host} is not drained; there is nothing to resume.")
    ports.fleet.resume(host)
    concerned = [e for e in users(host, ports) if _would_gain(e, host, ports)]
    return migrate_all(concerned, by, f"{host} is back", ports)


def move(service: str, origin: str, target: str, environment: str, by: str, ports: Ports) -> Moves:
    """From one host to another. It stays so: later deployments leave `origin` out. A failed move is forgotten."""
    _known(target, ports)
    found = ports.service(service).environments
    named = [ports.settings.environment(service, environment)] if environment else list(found.values())
    concerned = [e for e in named if origin in running_on(e, _state(e, ports))]
    if not concerned:
        raise Conflict(f"{'/'.join(filter(None, (service, environment)))} does not run on {origin}.")
    wishes = {e.name: _wished(e, origin, target, ports) for e in concerned}
    numbers = [_move(e, wishes[e.name], f"from {origin} to {target}", by, ports) for e in concerned]
    return Moves(tuple(numbers))


def migrate(environment: Environment, by: str, why: str, ports: Ports, **notes: str) -> int:
    """The live release again, on the hosts where it should be now. Raises `Conflict` when another one is not over."""
    live = _live(environment, ports)
    deployment = drafted(environment, live, Reason.MIGRATE, by, ports)
    return ports.deployments.create(replace(deployment, attributes={"why": why, **notes}), alone=True)


def undo_move(deployment: Deployment, ports: Ports) -> None:
    """A move that did not come about is wished no more."""
    before = deployment.attributes.get("moved_before", "")
    if not before or deployment.status is Status.SUCCEEDED:
        return
    state = ports.deployments.environment(deployment.service, deployment.environment)
    if json.dumps(state.moved, sort_keys=True) == deployment.attributes.get("moved"):
        ports.deployments.set_moved(deployment.service, deployment.environment, json.loads(before))


def wish_again(deployment: Deployment, ports: Ports) -> None:
    """Before a move that did not come about is tried once more."""
    wished = deployment.attributes.get("moved", "")
    if wished:
        ports.deployments.set_moved(deployment.service, deployment.environment, json.loads(wished))


def users(host: str, ports: Ports) -> list[Environment]:
    """Environments that run on the host, or may."""
    return usage(ports).get(host, [])


def usage(ports: Ports) -> dict[str, list[Environment]]:
    """The same for every host of the file; all environments are looked up together."""
    found: dict[str, list[Environment]] = {host: [] for host in ports.settings.hosts}
    every = [e for service in ports.settings.services.values() for e in service.environments.values()]
    states = ports.deployments.environments([(e.service, e.name) for e in every])
    for environment in every:
        state = states[environment.service, environment.name]
        for host in {h.name for h in environment.hosts} | _everywhere(environment, state):
            found.get(host, []).append(environment)
    return found


# ------------------------------------------------------------------------------------------------ guards


def _known(host: str, ports: Ports) -> None:
    if host not in ports.settings.hosts:
        known = ", ".join(sorted(ports.settings.hosts)) or "none"
        raise NotFound(f"There is no host {host!r} in the configuration. Known hosts: {known}.")


def _refuse_too_few(
    environment: Environment, host: str, supposed: Supposed, force: bool, ports: Ports
) -> None:
    state = _state(environment, ports)
    if state.live is None:
        return
    placed = whereabouts(environment, _live(environment, ports), ports, supposed)
    before, left = len(running_on(environment, state)), used(placed)
    if force or left >= min(environment.floor, before):
        return
    place = f"{environment.service}/{environment.name}"
    raise Conflict(
        f"Without {host}, {place} would run on {left} of the {environment.floor} hosts that it needs at least "
        f"(rollout.min_healthy). {_reasons(placed)}Add a host to it in shipway.yml, or drain {host} with --force."
    )


def _reasons(placed: tuple[Placed, ...]) -> str:
    unused = [f"{p.host}: {p.why}" for p in placed if not p.replicas]
    return f"Not used are {'; '.join(unused)}. " if unused else ""


def _wished(environment: Environment, origin: str, target: str, ports: Ports) -> dict[str, str]:
    """What people wish after this move. Raises `Conflict` when it cannot be."""
    state = _state(environment, ports)
    place = f"{environment.service}/{environment.name}"
    here = running_on(environment, state)
    if target in here:
        raise Conflict(f"{place} runs on {target} already: {', '.join(here)}. Move it to a host without it.")
    _refuse_shared_route(environment, target, ports)
    named = {host.name for host in environment.hosts}
    wished = {host: way for host, way in state.moved.items() if host not in (origin, target)}
    if origin in named:
        wished[origin] = "out"
    if target not in named or environment.place is not None:
        wished[target] = "in"
    shares = whereabouts(environment, _live(environment, ports), ports, Supposed(moved=wished))
    got = {p.host: p for p in shares}
    if not got[target].replicas or got[origin].replicas:
        stuck = got[origin] if got[target].replicas else got[target]
        raise Conflict(f"{place} cannot move from {origin} to {target}. {stuck.host}: {stuck.why}.")
    return wished


def _refuse_shared_route(environment: Environment, target: str, ports: Ports) -> None:
    """A proxy on a host answers each domain, and the rest, for one environment only."""
    if environment.proxy is None or environment.proxy.hosts:
        return
    for other in users(target, ports):
        same = other.proxy == environment.proxy and other.domain == environment.domain
        if same and (other.service, other.name) != (environment.service, environment.name):
            what = f"the domain {environment.domain}" if environment.domain else "the default route"
            raise Conflict(
                f"On {target}, {what} of proxy {environment.proxy.name} belongs to {other.service}/{other.name}; "
                f"give one of the two a route.domain of its own, or move {environment.service} elsewhere."
            )


# ------------------------------------------------------------------------------------------------ deployments


def migrate_all(concerned: list[Environment], by: str, why: str, ports: Ports) -> Moves:
    """Those of them where something is live, each at once or in its turn."""
    numbers, waiting = [], []
    for environment in concerned:
        if _state(environment, ports).live is None:
            continue
        try:
            numbers.append(migrate(environment, by, why, ports))
        except Conflict:
            waiting.append(f"{environment.service}/{environment.name}")
    return Moves(tuple(numbers), tuple(waiting))


def _move(environment: Environment, wished: Mapping[str, str], way: str, by: str, ports: Ports) -> int:
    service, name = environment.service, environment.name
    before = _state(environment, ports).moved
    ports.deployments.set_moved(service, name, wished)
    notes = {
        key: json.dumps(dict(v), sort_keys=True) for key, v in (("moved", wished), ("moved_before", before))
    }
    try:
        return migrate(environment, by, f"it moves {way}", ports, **notes)
    except Conflict:
        ports.deployments.set_moved(service, name, before)
        raise


def _would_gain(environment: Environment, host: str, ports: Ports) -> bool:
    state = _state(environment, ports)
    if state.live is None or host in running_on(environment, state):
        return False
    placed = whereabouts(environment, _live(environment, ports), ports)
    return any(p.host == host and p.replicas for p in placed)


def _live(environment: Environment, ports: Ports) -> Release:
    state = _state(environment, ports)
    if state.live is None:
        raise Conflict(
            f"Nothing is live on {environment.service}/{environment.name}: deploy a release first."
        )
    return ports.releases.release(environment.service, state.live)


def _state(environment: Environment, ports: Ports) -> EnvironmentState:
    return ports.deployments.environment(environment.service, environment.name)


def _everywhere(environment: Environment, state: EnvironmentState) -> set[str]:
    return {
        *running_on(environment, state),
        *state.placed,
        *(h for h, way in state.moved.items() if way == "in"),
    }
