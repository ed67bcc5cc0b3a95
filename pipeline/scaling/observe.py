"""One look at an environment that scales by itself: its replicas, and the counters that its targets need.

Changes nothing. What does not answer is a replica that is not ready, or a sample that is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import SiteSeen
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import EnvironmentState
from pipeline.rollout.observed import HostSeen, ReplicaSeen, ReplicaState
from pipeline.rollout.release import Release
from pipeline.rollout.whereabouts import running_on
from pipeline.scaling.group import Group, Member, Sample
from pipeline.scaling.policy import Measure

ENGINES_KNOW = {Measure.CPU, Measure.MEMORY}


@dataclass(frozen=True)
class Observed:
    """The group, and a sample of each replica of the live release that runs."""

    group: Group
    samples: Mapping[str, Sample]


def observe(place: Environment, state: EnvironmentState, live: Release, ports: Ports) -> Observed:
    counts = {name: n for name, n in running_on(place, state).items() if name in ports.settings.hosts}
    hosts = [ports.settings.hosts[name] for name in counts]
    looks = ports.hands.each([partial(ports.engines.look, host, place.service, place.name) for host in hosts])
    seen = {look.host: look for look in looks if isinstance(look, HostSeen)}
    running = {host.name: _running(seen.get(host.name), live, counts[host.name]) for host in hosts}
    members = [
        member for host in hosts for member in _members(host.name, counts[host.name], running[host.name])
    ]
    size = place.replicas if state.replicas is None else state.replicas
    changed = _changed_at(place, ports)
    group = Group(size, tuple(members), max(1, len(hosts)), changed)
    return Observed(group, _samples(place, hosts, running, ports))


def _running(seen: HostSeen | None, live: Release, count: int) -> dict[str, ReplicaSeen]:
    found = seen.replicas if seen else ()
    mine = (r for r in found if r.state is ReplicaState.RUNNING and r.of(live) and r.index < count)
    return {replica.container: replica for replica in mine}


def _members(host: str, count: int, running: Mapping[str, ReplicaSeen]) -> list[Member]:
    """Those that should run and do not are members too."""
    there = [Member(name, _moment(r.started_at), r.health != "unhealthy") for name, r in running.items()]
    gone = [Member(f"{host}/{at}", None, ready=False) for at in range(len(there), count)]
    return [*there, *gone]


def _moment(text: str) -> datetime | None:
    """As an engine writes it, with nine digits after the point."""
    try:
        found = datetime.fromisoformat(text[:26].rstrip("Z"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _changed_at(place: Environment, ports: Ports) -> datetime | None:
    """Any deployment disturbs what is measured, and a person's scale is not undone in the next minute."""
    newest = ports.deployments.deployments(place.service, place.name, 1)
    return (newest[0].finished_at or newest[0].created_at) if newest else None


# ------------------------------------------------------------------------------------------------ counters


def _samples(
    place: Environment, hosts: list[Host], running: Mapping[str, Mapping[str, ReplicaSeen]], ports: Ports
) -> dict[str, Sample]:
    measures = {target.measure for target in (place.scaling.targets if place.scaling else ())}
    now = ports.clock.now()
    found = {name: Sample(now) for host in hosts for name in running[host.name]}
    if measures & ENGINES_KNOW:
        jobs = [partial(ports.loads.used, host, tuple(running[host.name])) for host in hosts]
        for used in ports.hands.each(jobs):
            found |= used if isinstance(used, Mapping) else {}
    if Measure.REQUESTS in measures:
        counts = _requests(place, hosts, ports)
        addresses = {name: r.address for host in hosts for name, r in running[host.name].items()}
        found = {name: replace(s, requests=counts.get(addresses[name])) for name, s in found.items()}
    return found


def _requests(place: Environment, hosts: list[Host], ports: Ports) -> dict[str, int]:
    """By address, of all proxies together."""
    proxy, known = place.proxy, ports.settings.hosts
    if proxy is None:
        return {}
    sites = [known[name] for name in proxy.hosts if name in known] if proxy.hosts else hosts
    counts: dict[str, int] = {}
    for seen in ports.hands.each([partial(ports.proxies.seen, proxy, host) for host in sites]):
        for backend in seen.backends if isinstance(seen, SiteSeen) else ():
            if backend.requests is not None:
                counts[backend.address] = counts.get(backend.address, 0) + backend.requests
    return counts
