"""Flow 6b: a host or a whole region is left by everything at once, and nothing comes back before it is resumed.

The plan comes first, with everything that stands in its way in one list; then all hosts are drained in the books, and each
environment moves once, from all of them together. Whoever asks again goes on with what is left. Never touches a host.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.placement import Placed, used
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment
from pipeline.rollout.moving import Moves, migrate_all, usage
from pipeline.rollout.whereabouts import Supposed, running_on, whereabouts


@dataclass(frozen=True)
class Leave:
    """What one environment does: so many replicas on each host, before and after."""

    service: str
    environment: str
    before: dict[str, int]
    after: dict[str, int]
    refusal: str = ""  # why it cannot


@dataclass(frozen=True)
class Evacuation:
    """`remarks`: what stays there, since it is no replica."""

    hosts: tuple[str, ...]
    leaves: tuple[Leave, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        return tuple(leave.refusal for leave in self.leaves if leave.refusal)


@dataclass(frozen=True)
class Remaining:
    """What an environment still has there, and the newest deployment, which should change that. The books say where it
    runs from the good verdict on; old replicas are there until that deployment is over."""

    service: str
    environment: str
    replicas: int
    deployment: Deployment | None = None


@dataclass(frozen=True)
class Progress:
    hosts: tuple[str, ...]
    drained: tuple[str, ...] = ()
    remaining: tuple[Remaining, ...] = field(default=())


def plan_evacuation(where: str, force: bool, ports: Ports) -> Evacuation:
    """What it would do. Changes nothing."""
    hosts = hosts_of(where, ports)
    words = dict.fromkeys(hosts, f"{where} is evacuated")
    leaves = [_leave(e, words, force, ports) for e in _concerned(hosts, ports)]
    return Evacuation(hosts, tuple(leaves), tuple(_remarks(hosts, ports)))


def evacuate(where: str, by: str, reason: str, force: bool, ports: Ports) -> tuple[Evacuation, Moves]:
    """Raises `Conflict` with everything that stands in its way, before anything is written."""
    planned = plan_evacuation(where, force, ports)
    if planned.refusals:
        raise Conflict(f"{where} cannot be evacuated; nothing was begun. {' '.join(planned.refusals)}")
    for host in planned.hosts:
        ports.fleet.drain(host, by, reason or f"{where} is evacuated")
    moves = migrate_all(_concerned(planned.hosts, ports), by, f"{where} is evacuated", ports)
    return planned, moves


def progress(where: str, ports: Ports) -> Progress:
    hosts = hosts_of(where, ports)
    states = ports.fleet.hosts()
    drained = tuple(host for host in hosts if host in states and states[host].drained_at is not None)
    users = usage(ports)
    every = {(e.service, e.name): e for host in hosts for e in users.get(host, [])}
    remaining = [_remaining(environment, hosts, ports) for environment in every.values()]
    return Progress(hosts, drained, tuple(one for one in remaining if one.replicas))


def hosts_of(where: str, ports: Ports) -> tuple[str, ...]:
    """A host of that name, or all of that region."""
    known = ports.settings.hosts
    if where in known:
        return (where,)
    found = tuple(name for name, host in known.items() if where and host.region == where)
    if not found:
        regions = sorted({host.region for host in known.values() if host.region})
        raise NotFound(
            f"There is no host and no region {where!r}. Known hosts: {', '.join(sorted(known)) or 'none'}; "
            f"regions: {', '.join(regions) or 'none'}."
        )
    return found


def _concerned(hosts: Sequence[str], ports: Ports) -> list[Environment]:
    """Each once, in the file's order."""
    users = usage(ports)
    every = {(e.service, e.name): e for host in hosts for e in users.get(host, [])}
    return [e for e in every.values() if any(host in hosts for host in _here(e, ports))]


def _here(environment: Environment, ports: Ports) -> dict[str, int]:
    state = ports.deployments.environment(environment.service, environment.name)
    return running_on(environment, state) if state.live is not None else {}


def _leave(environment: Environment, drained: dict[str, str], force: bool, ports: Ports) -> Leave:
    place, before = f"{environment.service}/{environment.name}", _here(environment, ports)
    live = ports.deployments.environment(environment.service, environment.name).live
    release = ports.releases.release(environment.service, live or 0)
    supposed = Supposed(drained=drained)
    try:
        placed = whereabouts(environment, release, ports, supposed)
    except Conflict as error:
        return Leave(environment.service, environment.name, before, {}, str(error))
    after = {p.host: p.replicas for p in placed if p.replicas}
    left, needed = used(placed), min(environment.floor, len(before))
    refusal = "" if force or left >= needed else _too_few(place, left, environment.floor, placed)
    return Leave(environment.service, environment.name, before, after, refusal)


def _too_few(place: str, left: int, floor: int, placed: Sequence[Placed]) -> str:
    unused = "; ".join(f"{p.host}: {p.why}" for p in placed if not p.replicas)
    return (
        f"{place} would run on {left} of the {floor} hosts that it needs at least (rollout.min_healthy). "
        f"{f'Not used are {unused}. ' if unused else ''}Add a host to it in shipway.yml, or use --force."
    )


def _remarks(hosts: Sequence[str], ports: Ports) -> list[str]:
    """A proxy in front of several hosts has an address that users know: it does not move by itself."""
    fixed = [
        (proxy.name, host)
        for proxy in ports.settings.proxies.values()
        for host in proxy.hosts
        if host in hosts
    ]
    return [
        f"Proxy {name} runs on {host} and stays there: lead its address elsewhere before that machine goes."
        for name, host in fixed
    ]


def _remaining(environment: Environment, hosts: Sequence[str], ports: Ports) -> Remaining:
    count = sum(n for host, n in _here(environment, ports).items() if host in hosts)
    newest = next(iter(ports.deployments.deployments(environment.service, environment.name, 1)), None)
    if newest is not None and not newest.over:
        leaving = [plan for plan in newest.hosts if plan.host in hosts and not newest.count(plan)]
        count = count or sum(newest.count_before(plan) for plan in leaving)
    return Remaining(environment.service, environment.name, count, newest)
