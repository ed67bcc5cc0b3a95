"""The calls about services, environments and hosts: what is configured, what is live, and what is seen right now."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from pipeline.caller import Caller
from pipeline.fleet.host import Host, HostState
from pipeline.fleet.proxy import Site, SiteSeen
from pipeline.fleet.service import Environment, Service
from pipeline.intake.sight import Trouble
from pipeline.ports import Ports
from pipeline.rollout.balance import members_seen
from pipeline.rollout.deployment import ACTIVE, Deployment, EnvironmentState
from pipeline.rollout.moving import usage
from pipeline.rollout.observed import EntranceSeen, HostSeen
from pipeline.rollout.secrets import outdated
from pipeline.rollout.whereabouts import running_on
from pipeline.summaries import Place
from pipeline.web.auth import Role, within
from pipeline.web.calls import Call
from pipeline.web.fleet_answers import (
    EnvironmentAnswer,
    EnvironmentSummary,
    HostAnswer,
    HostsAnswer,
    ServiceAnswer,
    ServicesAnswer,
)
from pipeline.web.joined import joined_answers
from pipeline.web.views import address, host_view, member_view, release_view, site_view

T = TypeVar("T")
Stand = Mapping[Place, tuple[EnvironmentState, Deployment | None]]  # and what is being deployed


def list_services(ports: Ports, caller: Caller) -> ServicesAnswer:
    services = [s for s in ports.settings.services.values() if within(caller, s.name)]
    troubles, stand = ports.inbox.troubles(), _stand(services, ports)
    return ServicesAnswer(services=[_service(caller, s, troubles.get(s.name), stand) for s in services])


def show_service(ports: Ports, caller: Caller, service: str) -> ServiceAnswer:
    found = ports.service(service)
    return _service(caller, found, ports.inbox.troubles().get(service), _stand([found], ports))


def show_environment(ports: Ports, caller: Caller, service: str, environment: str) -> EnvironmentAnswer:
    """Asks every engine and every proxy of the environment side by side; one that does not answer says why."""
    target = ports.settings.environment(service, environment)
    state = ports.deployments.environment(service, environment)
    active = ports.deployments.active(service, environment)
    live = None if state.live is None else ports.releases.release(service, state.live)
    placed = running_on(target, state)
    members = _members(target, {*state.placed, *placed}, ports)
    looks = [partial(ports.engines.look, host, service, environment) for host in members]
    jobs: list[Callable[[], HostSeen | SiteSeen | EntranceSeen]] = [
        *looks,
        *_site_looks(target, members, ports),
        *_entrance_look(target, members, ports),
    ]
    found = _side_by_side(ports, jobs)
    hosts = [seen for seen in found if isinstance(seen, HostSeen)]
    sites = [seen for seen in found if isinstance(seen, SiteSeen)]
    entrance = next((seen for seen in found if isinstance(seen, EntranceSeen)), EntranceSeen())
    addresses, states = {host.name: host.address for host in members}, ports.fleet.hosts()
    return EnvironmentAnswer(
        service=service,
        environment=environment,
        live=state.live,
        last_good=state.last_good,
        release=None if live is None else release_view(live),
        outdated_secrets=[] if live is None else list(outdated(live, target, ports)),
        replicas=target.replicas if state.replicas is None else state.replicas,
        active_deployment=active.id if active else None,
        hosts=[
            host_view(
                seen,
                addresses[seen.host],
                placed.get(seen.host, 0),
                states.get(seen.host, HostState(seen.host)),
            )
            for seen in hosts
        ],
        proxies=[site_view(seen, hosts, _routed(ports, seen.site, service, environment)) for seen in sites],
        load_balancer=target.load_balancer or None,
        members=[member_view(host, member) for host, member in sorted(entrance.members.items())],
        load_balancer_error=entrance.error,
    )


def list_hosts(ports: Ports, caller: Caller) -> HostsAnswer:
    """A bound token sees the hosts of its environments."""
    users = {
        name: [e for e in there if within(caller, e.service, e.name)] for name, there in usage(ports).items()
    }
    shown = [host for host in ports.settings.hosts.values() if users[host.name] or not caller.scopes]
    asked = [host for host in shown if users[host.name]]
    looks = [partial(_look, ports, host, users[host.name][0]) for host in asked]
    seen = {look.host: look for look in _side_by_side(ports, looks)}
    states, joined = ports.fleet.hosts(), joined_answers(ports)
    found = []
    for host in shown:
        state = states.get(host.name, HostState(host.name))
        answer = _host(host, users[host.name], seen.get(host.name), state)
        more = {"joined": joined.get(host.name), "agent": agent_of(host, ports)}
        found.append(answer.model_copy(update=more))
    return HostsAnswer(hosts=found)


def _stand(services: Sequence[Service], ports: Ports) -> Stand:
    """Of all their environments, read together."""
    states = ports.deployments.environments([(s.name, name) for s in services for name in s.environments])
    active = {(d.service, d.environment): d for d in ports.deployments.under_way() if d.status in ACTIVE}
    return {place: (state, active.get(place)) for place, state in states.items()}


def _service(caller: Caller, service: Service, trouble: Trouble | None, stand: Stand) -> ServiceAnswer:
    """A trouble of a repository that is not looked at any more is none."""
    poll = service.repository.poll
    return ServiceAnswer(
        name=service.name,
        repository=address(service.repository.url),
        forge=service.repository.forge,
        project=service.repository.project,
        path=service.path,
        environments=[
            _summary(environment, *stand[service.name, environment.name])
            for environment in service.environments.values()
            if within(caller, service.name, environment.name)
        ],
        poll=poll,
        trouble=trouble.reason if trouble and poll else "",
        trouble_since=trouble.since if trouble and poll else None,
    )


def _summary(
    environment: Environment, state: EnvironmentState, active: Deployment | None
) -> EnvironmentSummary:
    return EnvironmentSummary(
        name=environment.name,
        branches=list(environment.branches),
        tags=list(environment.tags),
        hosts=[host.name for host in environment.hosts],
        proxy=environment.proxy.name if environment.proxy else None,
        load_balancer=environment.load_balancer or None,
        domain=environment.domain,
        replicas=environment.replicas if state.replicas is None else state.replicas,
        live=state.live,
        last_good=state.last_good,
        active_deployment=active.id if active else None,
    )


def _members(environment: Environment, placed: set[str], ports: Ports) -> list[Host]:
    """The hosts of the file, and those on which it is all the same: it was moved there, or has not left yet."""
    known = ports.settings.hosts
    names = dict.fromkeys([*(host.name for host in environment.hosts), *sorted(placed & set(known))])
    return [known[name] for name in names]


def _entrance_look(
    environment: Environment, members: list[Host], ports: Ports
) -> list[Callable[[], EntranceSeen]]:
    """A load balancer sends to the hosts on which a proxy stands."""
    if not environment.load_balancer or environment.proxy is None:
        return []
    hosts = environment.proxy.hosts or tuple(host.name for host in members)
    return [partial(members_seen, environment.load_balancer, hosts, ports)]


def _site_looks(environment: Environment, members: list[Host], ports: Ports) -> list[Callable[[], SiteSeen]]:
    proxy = environment.proxy
    if proxy is None:
        return []
    known = ports.settings.hosts
    hosts = [known[name] for name in proxy.hosts if name in known] if proxy.hosts else members
    return [partial(ports.proxies.seen, proxy, host) for host in hosts]


def _routed(ports: Ports, site: Site, service: str, environment: str) -> frozenset[str]:
    routes = ports.routes.wanted(site).routes
    ours = [route for route in routes if (route.service, route.environment) == (service, environment)]
    return frozenset(backend.address for route in ours for backend in route.backends)


def _look(ports: Ports, host: Host, environment: Environment) -> HostSeen:
    return ports.engines.look(host, environment.service, environment.name)


def agent_of(host: Host, ports: Ports) -> str:
    """In words; empty for a host that is reached otherwise."""
    seen = ports.agents.seen(host.agent) if host.agent else None
    return seen.said if seen else "never connected here" if host.agent else ""


def _host(host: Host, users: Sequence[Environment], seen: HostSeen | None, state: HostState) -> HostAnswer:
    return HostAnswer(
        name=host.name,
        engine=host.engine,
        address=host.address,
        region=host.region,
        labels=host.labels,
        environments=[f"{environment.service}/{environment.name}" for environment in users],
        reachable=seen.reachable if seen else None,
        error=seen.error if seen else "",
        free_bytes=seen.free_bytes if seen else None,
        clock_skew=seen.clock_skew if seen else None,
        memory=seen.memory if seen else None,
        drained=state.drained,
        silent_since=state.silent_since,
    )


def _side_by_side(ports: Ports, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """`look` and `seen` never raise; should one do so all the same, its error is the answer."""
    results = []
    for result in ports.hands.each(jobs):
        if isinstance(result, Exception):
            raise result
        results.append(result)
    return results


CALLS = (
    Call(
        "GET",
        "/services",
        Role.VIEWER,
        "List services and what is live of them",
        list_services,
        ServicesAnswer,
    ),
    Call(
        "GET",
        "/services/<service>",
        Role.VIEWER,
        "Show a service",
        show_service,
        ServiceAnswer,
        errors=(404,),
    ),
    Call(
        "GET",
        "/services/<service>/environments/<environment>",
        Role.VIEWER,
        "Show what is live: hosts, replicas, the backends of each proxy",
        show_environment,
        EnvironmentAnswer,
        errors=(404,),
    ),
    Call("GET", "/hosts", Role.VIEWER, "List hosts and whether they answer", list_hosts, HostsAnswer),
)
