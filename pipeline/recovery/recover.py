"""Flow 8: after a restore the books are brought up to what really runs, and nothing that runs is touched.

Level-triggered: what is still to be done stands in the books, so that whoever looks next goes on.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pipeline.errors import NotFound
from pipeline.fleet.proxy import Proxy, SiteSeen
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.recovery.adoption import Adoption, Known, World, adopt
from pipeline.recovery.remains import Awaited, Found, Remains
from pipeline.rollout.deployment import Deployment, HostPlan, Reason, Status
from pipeline.rollout.draft import draft
from pipeline.rollout.release import Release

BY = "restore"


def recover(ports: Ports) -> tuple[Adoption, ...]:
    """One look at all hosts; what was brought up to it."""
    awaited = ports.recovery.awaited()
    if not awaited:
        return ()
    world = _world(ports)
    adoptions = [_one(entry, world, ports) for entry in awaited]
    return tuple(adoption for adoption in adoptions if adoption is not None)


def _world(ports: Ports) -> World:
    hosts = list(ports.settings.hosts.values())
    answers = ports.hands.each([partial(ports.census.remains, host) for host in hosts])
    remains = [answer for answer in answers if isinstance(answer, Remains)]
    answering = [one.host for one in remains if not one.error]
    places = [
        (proxy, host)
        for proxy in ports.settings.proxies.values()
        for host in hosts
        if host.name in answering and host.name in _fronts(proxy, ports)
    ]
    seen = ports.hands.each([partial(ports.proxies.seen, proxy, host) for proxy, host in places])
    return World(
        found=tuple(found for one in remains for found in one.found),
        sites=tuple(site for site in seen if isinstance(site, SiteSeen)),
        silent=tuple(host.name for host in hosts if host.name not in answering),
    )


def _fronts(proxy: Proxy, ports: Ports) -> set[str]:
    """Hosts that may have a site of it."""
    if proxy.hosts:
        return set(proxy.hosts)
    return set(ports.settings.hosts)


def _one(awaited: Awaited, world: World, ports: Ports) -> Adoption | None:
    try:
        environment = ports.settings.environment(awaited.service, awaited.environment)
    except NotFound:
        return None  # the file does not name it any more: nobody deploys to it either
    mine = [f for f in world.found if (f.service, f.environment) == (awaited.service, awaited.environment)]
    known = _known(environment, mine, ports)
    concerned = _concerned(environment, known)
    silent = tuple(host for host in world.silent if host in concerned)
    adoption = adopt(environment, awaited, known, replace(world, silent=silent), ports.clock.now())
    if adoption is not None:
        ports.recovery.close(adoption, _history(environment, adoption, known, ports))
        ports.notices.tell(f"{awaited.service}/{awaited.environment} after the restore", adoption.said)
    return adoption


def _concerned(environment: Environment, known: Known) -> set[str]:
    return {host.name for host in environment.hosts} | set(known.state.placed) | set(known.state.moved)


def _known(environment: Environment, mine: Sequence[Found], ports: Ports) -> Known:
    state = ports.deployments.environment(environment.service, environment.name)
    newest = ports.releases.releases(environment.service)
    base = next((r for r in newest if r.environment == environment.name), newest[0] if newest else None)
    numbers = {found.release for found in mine}
    releases = {number: _release(environment.service, number, ports) for number in numbers}
    return Known(state, {number: r for number, r in releases.items() if r is not None}, base)


def _release(service: str, number: int, ports: Ports) -> Release | None:
    try:
        return ports.releases.release(service, number)
    except NotFound:
        return None


def _history(environment: Environment, adoption: Adoption, known: Known, ports: Ports) -> Deployment | None:
    """So that a rollback finds the way back. Nothing where the books had it right."""
    if adoption.live is None or adoption.live.number == known.state.live:
        return None
    now, live = ports.clock.now(), known.state.live
    previous = _release(environment.service, live, ports) if live else None
    plans = tuple(
        HostPlan(host, region=ports.settings.hosts[host].region, replicas=count, why="it runs there")
        for host, count in adoption.placed.items()
        if count and host in ports.settings.hosts
    )
    drafted = draft(
        environment, adoption.live, previous, Reason.MANUAL, BY, now, adoption.replicas, None, plans
    )
    return replace(
        drafted,
        status=Status.SUCCEEDED,
        settled=True,
        started_at=now,
        finished_at=now,
        attributes={"why": adoption.said},
    )
