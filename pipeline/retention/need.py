"""What must not go, and who says so: read from the books, never from the world. Changes nothing.

The one place that says which images are needed: the rollout's own tidying and `prune` both ask here.
"""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.delivery.run import Run, RunStatus, StageName
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.retention.thing import Made, Need, Place
from pipeline.rollout.deployment import Deployment
from pipeline.rollout.history import kept_releases, rollback_target
from pipeline.rollout.policy import Policy

PAGE = 200
BUILDS = (
    5  # of a service on the builder, whatever `retention.releases` says: it counts from the next prune on
)
RECENT = 3  # the newest rows of an environment; a deployment that waits is always among them


def images_needed(service: str, ports: Ports, now_on: Deployment | None = None) -> dict[str, str]:
    """`repository@digest` -> why. All environments of the service count: they may share a host. `now_on`: a deployment
    under way, whose environment may have left the operator's file."""
    environments = dict(ports.settings.service(service).environments)
    reasons: dict[int, str] = {}
    for name, policy in _policies(environments, now_on).items():
        for number, why in _reasons(service, name, policy, ports):
            reasons.setdefault(number, why)
    for release in (now_on.release, now_on.previous) if now_on else ():
        if release is not None:
            reasons.setdefault(release.number, f"deployment {now_on.id if now_on else 0} needs it")
    known = ports.releases.summaries([(service, number) for number in reasons])
    releases = {
        number: known.get((service, number)) or ports.releases.release(service, number) for number in reasons
    }
    return {releases[number].image: why for number, why in sorted(reasons.items())}


def needed(ports: Ports) -> Need:
    """Of all services of the operator's file."""
    services, unfinished = ports.settings.services, list(_unfinished(ports))
    # One that waits for an approval may be about to deploy an image that an older run published.
    images = {image: f"run {run.id} brings it" for run in unfinished if (image := run.image)}
    for name in services:
        images = {**images, **images_needed(name, ports)}
    return Need(
        images=images,
        runs=frozenset(run.id for run in unfinished),
        last_run=max((run.id for run in ports.runs.runs(limit=1)), default=0),
        places={
            (name, environment): _place(name, environment, ports)
            for name, service in services.items()
            for environment in service.environments
        },
        repositories={ports.settings.registry.repository(name): name for name in services},
    )


def builds_needed(service: str, ports: Ports) -> frozenset[int]:
    """Runs of which the builder's image stays: those that are not over, and the newest that built one, as the next
    build's cache. What an older database's runs left there is not among them, however high their numbers."""
    built = (
        r.id
        for r in ports.runs.runs(service=service, limit=PAGE)
        if r.stage(StageName.BUILD).detail.get("image")
    )
    newest = tuple(built)[: max(BUILDS, ports.settings.retention.releases)]
    return frozenset({*newest, *(run.id for run in _unfinished(ports, service))})


def released(services: Iterable[str], ports: Ports) -> dict[str, Made]:
    """Every release that was ever made, by the digest of its image; of several, the newest."""
    found: dict[str, Made] = {}
    for service in services:
        rank, before = 0, 0
        while page := ports.releases.releases(service, PAGE, before):
            for release in page:
                found.setdefault(release.digest, Made(service, release.number, rank, release.created_at))
                rank += 1
            before = page[-1].number
    return found


def _policies(environments: Mapping[str, Environment], now_on: Deployment | None) -> dict[str, Policy]:
    policies = {now_on.environment: now_on.policy} if now_on else {}
    return policies | {name: environment.policy for name, environment in environments.items()}


def _reasons(service: str, environment: str, policy: Policy, ports: Ports) -> Iterator[tuple[int, str]]:
    """Strongest first. A waiting deployment counts as one under way: it may begin while somebody removes."""
    state = ports.deployments.environment(service, environment)
    if state.live is not None:
        yield state.live, f"live on {environment}"
    if state.last_good is not None:
        yield state.last_good, f"the last good one of {environment}"
    for deployment in _open(service, environment, ports):
        yield deployment.release.number, f"deployment {deployment.id} brings it"
        if deployment.previous is not None:
            yield deployment.previous.number, f"deployment {deployment.id} would go back to it"
    good = ports.deployments.good_releases(service, environment)
    previous = rollback_target(good, state.live)
    if previous is not None:
        yield previous, f"what a rollback of {environment} goes back to"
    for number in sorted(kept_releases(good, policy.keep, ()), reverse=True):
        yield number, f"among the {policy.keep} that {environment} keeps"


def _open(service: str, environment: str, ports: Ports) -> list[Deployment]:
    """Active, or waiting its turn."""
    active = ports.deployments.active(service, environment)
    waiting = [d for d in ports.deployments.deployments(service, environment, RECENT) if not d.over]
    return [*([active] if active else []), *(d for d in waiting if active is None or d.id != active.id)]


def _place(service: str, environment: str, ports: Ports) -> Place:
    state = ports.deployments.environment(service, environment)
    works = _open(service, environment, ports)
    return Place(state.live, state.last_good, works[0].id if works else 0)


def _unfinished(ports: Ports, service: str = "") -> Iterator[Run]:
    for status in (RunStatus.QUEUED, RunStatus.RUNNING):
        before = 0
        while page := ports.runs.runs(service=service, status=status, limit=PAGE, before=before):
            yield from page
            before = page[-1].id
