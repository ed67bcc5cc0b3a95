"""Flow: is a host ready to serve? Seven things, looked at now: reachable, engine, disk, clock, registry, proxy, load balancer."""

from collections.abc import Iterable, Sequence

from pipeline.errors import NotFound
from pipeline.fleet.balancer import MemberState
from pipeline.fleet.check import THINGS, Check, CheckState
from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy, SiteSeen
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.balance import members_seen
from pipeline.rollout.moving import usage

PROXY, BALANCER = THINGS[-2:]
LATER = "it comes with the first deployment that has a share here"


def checklist(name: str, ports: Ports) -> Sequence[Check]:
    """Raises `NotFound`."""
    host = ports.settings.hosts.get(name)
    if host is None:
        raise NotFound(f"There is no host {name!r}. `shipway hosts` lists them.")
    environments = usage(ports).get(name, [])
    found = [*ports.checks.of(host)]
    if found and found[0].state is CheckState.BAD:
        return (*found, _unknown(PROXY), _unknown(BALANCER))
    return (*found, _proxies(host, environments, ports), _balancers(host, environments, ports))


def _proxies(host: Host, environments: Iterable[Environment], ports: Ports) -> Check:
    """Those that belong on this very host."""
    wanted: dict[str, Proxy] = {
        e.proxy.name: e.proxy
        for e in environments
        if e.proxy and host.name in (e.proxy.hosts or (host.name,))
    }
    if not wanted:
        return Check(PROXY, CheckState.NONE, "none of shipway.yml belongs here")
    seen = [ports.proxies.seen(proxy, host) for proxy in wanted.values()]
    sick = [site for site in seen if site.error]
    if sick:
        return Check(
            PROXY, CheckState.BAD, f"{sick[0].site.proxy}: {sick[0].error}", f"`docker logs` on {host.name}"
        )
    return _running(seen)


def _running(seen: Sequence[SiteSeen]) -> Check:
    away = [site.site.proxy for site in seen if not site.running]
    if away:
        return Check(PROXY, CheckState.NONE, f"{', '.join(away)} does not run yet: {LATER}")
    names = ", ".join(f"{site.site.proxy} (generation {site.generation})" for site in seen)
    return Check(PROXY, CheckState.OK, f"{names} runs")


def _balancers(host: Host, environments: Iterable[Environment], ports: Ports) -> Check:
    names = list(dict.fromkeys(e.load_balancer for e in environments if e.load_balancer))
    if not names:
        return Check(BALANCER, CheckState.NONE, "none of shipway.yml is in front of it")
    told = []
    for name in names:
        seen = members_seen(name, [host.name], ports)
        if seen.error:
            return Check(BALANCER, CheckState.BAD, f"{name}: {seen.error}", "`shipway doctor` asks it too")
        member = seen.members.get(host.name)
        if member is None:
            told.append(f"{name} has no member for it yet: {LATER}")
        elif member.state is not MemberState.SERVING:
            return Check(
                BALANCER, CheckState.WARN, f"{name} says {member.state}: {member.reason}", "`shipway status`"
            )
        else:
            told.append(f"{name} sends to it")
    state = CheckState.OK if all("sends" in one for one in told) else CheckState.NONE
    return Check(BALANCER, state, "; ".join(told))


def _unknown(name: str) -> Check:
    return Check(name, CheckState.NONE, "not asked: the host does not answer")
