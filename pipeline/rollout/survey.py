"""One look at the world for one deployment: its hosts, its sites, our books and the health of the replicas that matter.

Changes nothing. What does not answer is a value, not an error.
"""

from collections.abc import Callable
from dataclasses import replace

from pipeline.errors import ShipwayError
from pipeline.fleet.host import Host
from pipeline.fleet.metric import Criterion, Reading
from pipeline.fleet.proxy import Proxy, Site, SiteSeen
from pipeline.ports import Ports
from pipeline.rollout import entrance
from pipeline.rollout.balance import entrance_seen
from pipeline.rollout.decide import Question, to_ask
from pipeline.rollout.deployment import Deployment, Status
from pipeline.rollout.measure import due
from pipeline.rollout.observed import HostSeen, Observed, Sample
from pipeline.rollout.places import host_of, proxy_of
from pipeline.rollout.room import loads
from pipeline.rollout.traffic import sites

RECENT = 20  # deployments among which the last one that touched a host is looked for


def first_look(deployment: Deployment, ports: Ports) -> Observed:
    """What a deployment needs to begin: our books alone."""
    return Observed(parked=_parked(deployment, ports))


def survey(deployment: Deployment, ports: Ports) -> Observed:
    """Hosts, sites and our books side by side, then the health of the replicas that matter."""
    begun = ports.clock.now()
    looks = ports.hands.each([_host_job(plan.host, deployment, ports) for plan in deployment.hosts])
    hosts = {h.host: h for h in looks if isinstance(h, HostSeen)}
    places = sites(deployment)
    seen = ports.hands.each([_site_job(site, hosts.get(site.host), ports) for site in places])
    observed = Observed(
        at=begun,
        hosts=hosts,
        sites={s.site: s for s in seen if isinstance(s, SiteSeen)},
        wanted=dict(ports.routes.wanted_on(places)),
        entrance=entrance_seen(deployment, ports) if entrance.needed(deployment) else None,
        parked=_parked(deployment, ports),
        loads=loads(deployment, hosts, ports),
    )
    questions = to_ask(deployment, observed, ports.clock.now())
    answers = ports.hands.each([_question_job(question, ports) for question in questions])
    readings = ports.hands.each(
        [_reading_job(c, deployment, ports) for c in due(deployment, ports.clock.now())]
    )
    pairs = [(q, a) for q, a in zip(questions, answers, strict=True) if isinstance(a, Sample)]
    return replace(
        observed,
        samples={q.container: a for q, a in pairs if not q.smoke},
        smoke={q.container: a for q, a in pairs if q.smoke},
        readings=tuple(r for r in readings if isinstance(r, Reading)),
    )


def _reading_job(criterion: Criterion, deployment: Deployment, ports: Ports) -> Callable[[], Reading]:
    query = criterion.about(deployment.service, deployment.environment, deployment.release.number)
    return lambda: ports.metrics.read(criterion, query)


def _host_job(name: str, deployment: Deployment, ports: Ports) -> Callable[[], HostSeen]:
    def work() -> HostSeen:
        try:
            host = host_of(name, ports)
        except ShipwayError as error:
            return HostSeen(name, reachable=False, error=str(error))
        return ports.engines.look(host, deployment.service, deployment.environment)

    return work


def _site_job(site: Site, host: HostSeen | None, ports: Ports) -> Callable[[], SiteSeen]:
    """An engine that was just silent about its replicas is not waited for a second time."""

    def work() -> SiteSeen:
        if host is not None and not host.reachable:
            return SiteSeen(site, running=False, error=host.error)
        try:
            return ports.proxies.seen(proxy_of(site, ports), host_of(site.host, ports))
        except ShipwayError as error:
            return SiteSeen(site, running=False, error=str(error))

    return work


def _question_job(question: Question, ports: Ports) -> Callable[[], Sample]:
    def work() -> Sample:
        host = host_of(question.host, ports)
        place: tuple[Proxy, Host] | None = None
        if question.site is not None:
            place = proxy_of(question.site, ports), host_of(question.site.host, ports)
        ask = ports.probe.smoke if question.smoke else ports.probe.sample
        return ask(host, place, question.container, question.address, question.check)

    return work


def _parked(deployment: Deployment, ports: Ports) -> tuple[str, ...]:
    """Hosts that the last deployment of this environment that ended left out of the load balancer."""
    if not deployment.load_balancer or deployment.status is not Status.PENDING:
        return ()
    newest = ports.deployments.deployments(deployment.service, deployment.environment, RECENT)
    ended = next((d for d in newest if d.over and d.records and d.id != deployment.id), None)
    return tuple(r.host for r in ended.records if r.parked_at is not None) if ended else ()
