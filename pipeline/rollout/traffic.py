"""What every proxy site should serve at this instant, and whether it does. Pure.

| a host …                                  | its backends on a site                                            |
|-------------------------------------------|-------------------------------------------------------------------|
| has passed its gate                       | READY: its replicas of the aim                                    |
| has not, or cannot be asked               | as our books have it; the previous release's if all of those died |
| cannot be asked after a good verdict      | as our books have it, but none of another release                 |
| leaves something out of rotation          | DRAIN: stays warm; dropped at the end, once idle or out of time   |
| is left by the environment                | none: they leave the rotation when its turn has come              |

An action of ours never makes a route empty, except when there is nothing to go back to, or stop-first asks for it.
"""

from collections.abc import Iterable
from dataclasses import replace

from pipeline.fleet.proxy import Backend, BackendState, Route, Site, SiteSeen
from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan
from pipeline.rollout.effects import Switch
from pipeline.rollout.look import Look, once, passed
from pipeline.rollout.observed import ReplicaSeen


def sites(deployment: Deployment) -> tuple[Site, ...]:
    """All sites of the deployment, each once, in the order of its hosts."""
    return tuple(dict.fromkeys(site for plan in deployment.hosts for site in sites_of(deployment, plan)))


def sites_of(deployment: Deployment, plan: HostPlan) -> tuple[Site, ...]:
    return tuple(Site(deployment.proxy, host) for host in plan.sites)


@once
def fronted(look: Look, site: Site) -> tuple[HostPlan, ...]:
    """The hosts whose replicas the site sends to, in the plan's order."""
    return _by_site(look, None).get(site, ())


@once
def _by_site(look: Look, _: None) -> dict[Site, tuple[HostPlan, ...]]:
    found: dict[Site, list[HostPlan]] = {}
    for plan in look.deployment.hosts:
        for site in sites_of(look.deployment, plan):
            found.setdefault(site, []).append(plan)
    return {site: tuple(plans) for site, plans in found.items()}


@once
def route(look: Look, site: Site) -> Route | None:
    """Our books' route of this service and environment on the site."""
    wanted = look.observed.wanted.get(site)
    mine = (look.deployment.service, look.deployment.environment)
    return next((r for r in wanted.routes if (r.service, r.environment) == mine), None) if wanted else None


def booked(look: Look, site: Site) -> tuple[Backend, ...]:
    found = route(look, site)
    return found.backends if found else ()


def booked_for(look: Look, site: Site, host: str) -> tuple[Backend, ...]:
    """Those of one host."""
    return _by_host(look, site).get(host, ())


@once
def _by_host(look: Look, site: Site) -> dict[str, tuple[Backend, ...]]:
    found: dict[str, list[Backend]] = {}
    for backend in booked(look, site):
        found.setdefault(backend.host, []).append(backend)
    return {host: tuple(backends) for host, backends in found.items()}


@once
def _ready_by_books(look: Look, site: Site) -> frozenset[str]:
    return frozenset(b.address for b in booked(look, site) if b.state is BackendState.READY)


@once
def _known_by_books(look: Look, site: Site) -> frozenset[str]:
    return frozenset(b.address for b in booked(look, site))


def seen(look: Look, site: Site) -> SiteSeen:
    return look.observed.sites.get(site) or SiteSeen(site, running=False, error="it was not looked at")


@once
def wanted(look: Look, site: Site) -> tuple[Backend, ...]:
    """The backends that the site should have now, sorted."""
    plans = fronted(look, site)
    ready = [backend for plan in plans for backend in _ready(look, site, plan)]
    before = booked(look, site)
    emptied = all(left(look, plan) for plan in plans) or any(_emptied(look, plan.host) for plan in plans)
    if not ready and look.aim is not None and not emptied:
        return tuple(sorted(before))
    addresses = {backend.address for backend in ready}
    draining = [
        b if b.state is BackendState.DRAIN else replace(b, state=BackendState.DRAIN)
        for b in before
        if b.address not in addresses and _warm(look, site, b)
    ]
    return tuple(sorted([*ready, *draining]))


@once
def in_order(look: Look, site: Site) -> bool:
    """Does the site serve exactly what it should, by our books and by its own word?"""
    want = wanted(look, site)
    if not _written(look, site):
        return False
    if not want and route(look, site) is None:
        return current(look, site) or not seen(look, site).running
    ready = [b for b in want if b.state is BackendState.READY]
    return current(look, site) and all(seen(look, site).serves(b.address) for b in ready)


def _written(look: Look, site: Site) -> bool:
    return tuple(sorted(booked(look, site))) == wanted(look, site) and same_domain(look, site)


def current(look: Look, site: Site) -> bool:
    """Is the configuration that the site serves the newest of our books?"""
    books, has = look.observed.wanted.get(site), seen(look, site)
    return books is not None and has.running and not has.error and has.generation == books.generation


def arrived(look: Look, plan: HostPlan) -> bool:
    """Do all sites in front of this host serve what they should?"""
    return all(in_order(look, site) for site in sites_of(look.deployment, plan))


def switches(look: Look) -> tuple[Switch, ...]:
    """What is needed now. While our books need no change, a site is left alone that cannot be read, or that would only
    be sent to the dead."""
    return tuple(
        Switch(site, wanted(look, site))
        for site in sites(look.deployment)
        if not in_order(look, site) and not (_written(look, site) and _in_vain(look, site))
    )


def _in_vain(look: Look, site: Site) -> bool:
    if seen(look, site).error:
        return True
    ready = [b for b in wanted(look, site) if b.state is BackendState.READY]
    return bool(ready) and all(_known_dead(look, b) for b in ready)


def _known_dead(look: Look, backend: Backend) -> bool:
    running = {r.address for r in look.replicas(backend.host, running=True)}
    return look.host(backend.host).reachable and backend.address not in running


def in_rotation(look: Look, plan: HostPlan, replica: ReplicaSeen) -> bool:
    """Does a site send to it by our books, or could one by its own word?"""
    return any(
        seen(look, site).serves(replica.address) or replica.address in _ready_by_books(look, site)
        for site in sites_of(look.deployment, plan)
    )


def routed_around(look: Look, plan: HostPlan, replicas: Iterable[ReplicaSeen]) -> bool:
    """No site sends to any of them, by its own word too: one that cannot be asked may still do so."""
    asked = not any(seen(look, site).error for site in sites_of(look.deployment, plan))
    return asked and not any(in_rotation(look, plan, replica) for replica in replicas)


def serves(look: Look, plan: HostPlan) -> bool:
    """Do users reach a replica on this host, by the word of a site? Without one: one is there that was admitted once."""
    running = look.replicas(plan.host, running=True)
    if not plan.sites:
        return any(r.restart_always for r in running)
    own = sites_of(look.deployment, plan)
    return any(seen(look, site).serves(replica.address) for site in own for replica in running)


def may_serve(look: Look, plan: HostPlan) -> bool:
    """Could users reach one, by a site's word or by our books?"""
    running = look.replicas(plan.host, running=True)
    return serves(look, plan) or any(in_rotation(look, plan, replica) for replica in running)


@once
def quiet(look: Look, site: Site) -> bool:
    """No request is under way through this site, by its own word. False also when it cannot tell."""
    has = seen(look, site)
    if has.error or has.old_workers:
        return False
    return not has.running or all(b.sessions == 0 for b in has.backends)


def released(look: Look, plan: HostPlan, replica: ReplicaSeen) -> bool:
    """No site sends to it, by our books and by its own word, and what was sent has been answered: it may be stopped. One
    that had all its time is stopped when no site knows it any more."""
    if not replica.address:
        return True
    late = passed(look.deployment.record(plan.host).drain_by, look.now)
    return all(_forgotten(look, site, replica.address, late) for site in sites_of(look.deployment, plan))


def _forgotten(look: Look, site: Site, address: str, late: bool) -> bool:
    has = seen(look, site)
    if has.serves(address) or address in _ready_by_books(look, site):
        return False
    if _answered(has, address) and (current(look, site) or not has.running):
        return True
    return late and address not in _known_by_books(look, site)


def _answered(has: SiteSeen, address: str) -> bool:
    """Nothing that this site sent to it is under way."""
    return has.idle(address) or (not has.running and not has.error)


def _ready(look: Look, site: Site, plan: HostPlan) -> tuple[Backend, ...]:
    now = tuple(b for b in booked_for(look, site, plan.host) if b.state is BackendState.READY)
    if look.aim is None or left(look, plan):
        return ()
    if not look.host(plan.host).reachable:
        return tuple(b for b in now if not _outlived(look, b))
    record = look.deployment.record(plan.host)
    if record.admitted_at is not None or record.done:
        return _backends(plan, look.standing(plan.host)) or now
    if _emptied(look, plan.host):
        return ()
    running = {r.address for r in look.replicas(plan.host, running=True)}
    if any(b.address in running for b in now):
        return now
    return _backends(plan, _previous(look, plan)) or now


def _outlived(look: Look, backend: Backend) -> bool:
    """The verdict is good, and this one on a silent host is of another release: users must not reach it when the host
    is back."""
    return look.deployment.settled and look.aim is not None and backend.release != look.aim.number


def _emptied(look: Look, host: str) -> bool:
    """Stop-first: its old replicas are leaving, and the new ones are not there yet."""
    record = look.deployment.record(host)
    return record.leaving_at is not None and record.admitted_at is None


def left(look: Look, plan: HostPlan) -> bool:
    """Is the host one that should serve nothing any more? One that did not answer is, when the others are settled."""
    record = look.deployment.record(plan.host)
    gone = record.phase is HostPhase.SKIPPED and look.deployment.settled
    return look.count(plan.host) == 0 and (record.admitted_at is not None or record.done or gone)


def _previous(look: Look, plan: HostPlan) -> tuple[ReplicaSeen, ...]:
    """Replicas of the previous release that were admitted once and run."""
    previous = look.deployment.previous
    if previous is None:
        return ()
    running = look.replicas(plan.host, running=True)
    return tuple(r for r in running if r.of(previous) and r.restart_always)


def _backends(plan: HostPlan, replicas: Iterable[ReplicaSeen]) -> tuple[Backend, ...]:
    return tuple(Backend(r.address, plan.host, r.release) for r in replicas if r.address)


def _warm(look: Look, site: Site, backend: Backend) -> bool:
    """Must it stay known to the site, out of rotation?"""
    host = look.host(backend.host)
    if not host.reachable:
        return not (_abandoned(look, backend.host) and drained(look, site, backend.host, backend.address))
    if all(r.address != backend.address for r in look.replicas(backend.host, running=True)):
        return False
    ending = look.deployment.settled or look.going_back or _emptied(look, backend.host)
    return not (ending and drained(look, site, backend.host, backend.address))


def _abandoned(look: Look, host: str) -> bool:
    return look.deployment.settled and look.count(host) == 0


def drained(look: Look, site: Site, host: str, address: str) -> bool:
    """Nothing is under way to it through this site, or it had all the time that it may have."""
    has = seen(look, site)
    if _answered(has, address):
        return True
    return passed(look.deployment.record(host).drain_by, look.now)


@once
def same_domain(look: Look, site: Site) -> bool:
    """A changed domain takes effect with a host's own switch, not before."""
    found = route(look, site)
    records = [look.deployment.record(plan.host) for plan in fronted(look, site)]
    if found is None or not any(record.admitted_at is not None for record in records):
        return True
    return found.domain == look.deployment.domain
