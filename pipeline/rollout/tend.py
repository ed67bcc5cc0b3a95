"""Flow 7: looks after hosts and environments to which nothing is deployed: hosts that fell silent or are back, drained
hosts that still have replicas, moves whose turn has come.

Level-triggered: what is due follows from the books and from one look, so a scheduler that starts anew forgets nothing.
Drafts deployments of what is live; never touches a host, and never takes the place of another deployment.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pipeline.errors import Conflict
from pipeline.fleet.host import HostState
from pipeline.fleet.placement import Placed
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Reason, Status
from pipeline.rollout.moving import migrate, usage
from pipeline.rollout.observed import HostSeen, ReplicaState
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import lost, plans, running_on, whereabouts

AGAIN = 600.0  # seconds after a migration that did not come about, before the next try
NEWEST = 5  # deployments of an environment that are looked at

Key = tuple[str, str, str]  # host, service, environment
Looks = Mapping[Key, HostSeen]


@dataclass(frozen=True)
class Due:
    """A deployment that is to be drafted, and why."""

    environment: Environment
    why: str


def tend(ports: Ports) -> tuple[int, ...]:
    """The ids of the deployments that were drafted."""
    looks = _looks(ports)
    _note(looks, ports)
    numbers = []
    for due in _due(looks, ports):
        try:
            numbers.append(migrate(due.environment, "scheduler", due.why, ports))
        except Conflict:
            continue  # something else began in this very moment; it is looked at again
    _settle(looks, ports)
    return tuple(numbers)


# ------------------------------------------------------------------------------------------------ hosts


def _looks(ports: Ports) -> Looks:
    """Every host that an environment uses; those that have just fallen silent a second time, so that one lost answer is no
    news. Of a host that is silent one environment speaks for all: a hundred dead hosts must not hold up the others."""
    known = {host for host, state in ports.fleet.hosts().items() if state.silent_since is not None}
    keys = {host: [(host, e.service, e.name) for e in there] for host, there in usage(ports).items() if there}
    first = _asked_twice([found[0] for found in keys.values()], known, ports)
    silent = {host: seen for (host, _, _), seen in first.items() if not seen.reachable}
    others = [key for host, found in keys.items() if host not in silent for key in found[1:]]
    return {
        **first,
        **_asked_twice(others, known, ports),
        **{key: seen for host, seen in silent.items() for key in keys[host]},
    }


def _asked_twice(keys: Sequence[Key], known: Set[str], ports: Ports) -> dict[Key, HostSeen]:
    first = _asked(keys, ports)
    again = [key for key, seen in first.items() if not seen.reachable and key[0] not in known]
    return {**first, **_asked(again, ports)}


def _asked(keys: Sequence[Key], ports: Ports) -> dict[Key, HostSeen]:
    hosts = ports.settings.hosts
    jobs = [partial(ports.engines.look, hosts[host], service, name) for host, service, name in keys]
    answers = ports.hands.each(jobs)
    return {key: seen for key, seen in zip(keys, answers, strict=True) if isinstance(seen, HostSeen)}


def _note(looks: Looks, ports: Ports) -> None:
    """Told once each: when the books did not know it yet. Of hosts that are as they were nothing is written."""
    now, states = ports.clock.now(), ports.fleet.hosts()
    for host, seen in _by_host(looks).items():
        known = host in states and states[host].silent_since is not None
        if all(look.reachable for look in seen):
            if known and ports.fleet.answers(host, now):
                ports.notices.tell(f"{host} answers again", "Its environments are looked after.")
        elif not known and not any(look.reachable for look in seen) and ports.fleet.silent(host, now):
            ports.notices.tell(f"{host} does not answer", _words(host, seen[0], looks, ports))


def _looked_at(host: str, looks: Looks, ports: Ports) -> list[Environment]:
    """Who uses the host, by what was just asked: to find it anew for each host would read all environments each time."""
    return [ports.settings.environment(s, name) for there, s, name in looks if there == host]


def _by_host(looks: Looks) -> dict[str, list[HostSeen]]:
    found: dict[str, list[HostSeen]] = {}
    for (host, _, _), look in looks.items():
        found.setdefault(host, []).append(look)
    return found


def _words(host: str, seen: HostSeen, looks: Looks, ports: Ports) -> str:
    there = [e for e in _looked_at(host, looks, ports) if host in _here(e, ports)]
    names = [f"{e.service}/{e.name} ({e.on_host_loss})" for e in there]
    return f"{seen.error.removesuffix('.')}. It has replicas of: {', '.join(names) or 'nothing'}."


# ------------------------------------------------------------------------------------------------ what is due


def _due(looks: Looks, ports: Ports) -> list[Due]:
    states = ports.fleet.hosts()
    every = [e for service in ports.settings.services.values() for e in service.environments.values()]
    concerned = [e for e in every if _concerned(e, looks, states, ports)]
    found = [Due(e, _why(e, looks, states, ports)) for e in concerned if _is_idle(e, ports)]
    return [due for due in found if due.why]


def _concerned(environment: Environment, looks: Looks, states: Mapping[str, HostState], ports: Ports) -> bool:
    """Something happened to a host that it uses, or to one that is in no file any more."""
    place = environment.service, environment.name
    eventful = (h for h, s in states.items() if s.drained_at or s.silent_since or s.returned_at)
    return any((h, *place) in looks or h not in ports.settings.hosts for h in eventful)


def _is_idle(environment: Environment, ports: Ports) -> bool:
    """Something is live as far as is known, nothing under way, and no migration has just failed."""
    service, name = environment.service, environment.name
    if ports.deployments.environment(service, name).live is None or ports.recovery.waits(service, name):
        return False
    newest = ports.deployments.deployments(service, name, NEWEST)
    if any(not deployment.over for deployment in newest):
        return False
    last = newest[0] if newest else None
    if last is None or last.reason is not Reason.MIGRATE or last.status is Status.SUCCEEDED:
        return True
    ended = last.finished_at or last.created_at
    return ports.clock.now() >= ended + timedelta(seconds=AGAIN)


def _why(environment: Environment, looks: Looks, states: Mapping[str, HostState], ports: Ports) -> str:
    """Why it should be placed anew; empty while it is where it should be."""
    try:
        placed = whereabouts(environment, _live(environment, ports), ports)
    except Conflict:
        return ""  # it has no other host: it stays where it is, and the books say why
    silent = {host for host, state in states.items() if state.silent_since is not None}
    changes = any(p.replicas != p.before for p in placed if p.host not in silent)
    for host in _here(environment, ports):
        state = states.get(host)
        if state and changes and (state.drained or lost(environment, state, ports)):
            return f"{host}: {state.drained or lost(environment, state, ports)}"
    returned = [host for host, state in states.items() if state.returned_at and host not in silent]
    behind = [h for h in returned if not _in_order(environment, h, placed, looks, ports)]
    return f"{behind[0]} is back" if behind else ""


def _in_order(
    environment: Environment, host: str, placed: Sequence[Placed], looks: Looks, ports: Ports
) -> bool:
    """Does it run exactly what it should there, and nothing else? Also when no deployment would touch the host."""
    seen = looks.get((host, environment.service, environment.name))
    state = ports.deployments.environment(environment.service, environment.name)
    if seen is None or all(plan.host != host for plan in plans(placed, state, ports)):
        return True
    live = _live(environment, ports)
    wanted = next((p.replicas for p in placed if p.host == host), 0)
    running = sorted(r.index for r in seen.replicas if r.state is ReplicaState.RUNNING and r.of(live))
    return seen.reachable and running == list(range(wanted)) and len(seen.replicas) == wanted


def _settle(looks: Looks, ports: Ports) -> None:
    """A host that is back is forgotten when everything is in order there, and nothing is on its way."""
    for host, state in ports.fleet.hosts().items():
        if state.returned_at is None or state.silent_since is not None or host not in ports.settings.hosts:
            continue
        if all(
            _is_settled(environment, host, looks, ports) for environment in _looked_at(host, looks, ports)
        ):
            ports.fleet.settled(host, state.returned_at)


def _is_settled(environment: Environment, host: str, looks: Looks, ports: Ports) -> bool:
    service, name = environment.service, environment.name
    if ports.deployments.environment(service, name).live is None:
        return True
    if any(not d.over for d in ports.deployments.deployments(service, name, NEWEST)):
        return False
    try:
        placed = whereabouts(environment, _live(environment, ports), ports)
    except Conflict:
        return True
    return _in_order(environment, host, placed, looks, ports)


def _live(environment: Environment, ports: Ports) -> Release:
    live = ports.deployments.environment(environment.service, environment.name).live
    return ports.releases.release(environment.service, live or 0)


def _here(environment: Environment, ports: Ports) -> dict[str, int]:
    state = ports.deployments.environment(environment.service, environment.name)
    return running_on(environment, state)
