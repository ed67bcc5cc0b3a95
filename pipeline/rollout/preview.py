"""Flow 5: what a deployment of a release would do now, without doing it. Nothing is written, and no host is touched."""

from dataclasses import dataclass, replace

from pipeline.errors import Conflict
from pipeline.fleet.placement import Placed
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, Reason, Request
from pipeline.rollout.difference import Difference, differences
from pipeline.rollout.observed import Observed, ReplicaState
from pipeline.rollout.plan import plan
from pipeline.rollout.release import Release
from pipeline.rollout.survey import survey
from pipeline.rollout.whereabouts import drafted, whereabouts
from pipeline.rollout.wording import PlannedStep


@dataclass(frozen=True)
class HostChange:
    """What a host has now and what it would have. `running`: release -> replicas that run there."""

    host: str
    running: dict[int, int]
    wanted: int


@dataclass(frozen=True)
class Preview:
    """`release` is the one that was meant, `live` the one that it would take the place of."""

    release: Release
    live: Release | None
    differences: list[Difference]
    hosts: list[HostChange]
    steps: list[PlannedStep]


def preview(service: str, environment: str, number: int | None, ports: Ports) -> list[PlannedStep]:
    """The steps alone."""
    return foreseen(service, environment, number, ports).steps


def foreseen(service: str, environment: str, number: int | None, ports: Ports) -> Preview:
    """`number` None: the newest release that was made for this environment."""
    place = ports.settings.environment(service, environment)
    if number is None:
        made = [r for r in ports.releases.releases(service) if r.environment in ("", environment)]
        if not made:
            raise Conflict(f"{service}/{environment} has no release yet: push a commit, or name an image.")
        number = made[0].number
    release = ports.releases.release(service, number)
    deployment = drafted(place, release, Reason.MANUAL, "plan", ports)
    observed = survey(deployment, ports)
    steps = [*_places(place, whereabouts(place, release, ports)), *plan(deployment, observed)]
    state = ports.deployments.environment(service, environment)
    live = None if state.live is None else ports.releases.release(service, state.live)
    return Preview(release, live, differences(live, release), _hosts(deployment, observed), steps)


def _hosts(deployment: Deployment, observed: Observed) -> list[HostChange]:
    found = []
    for plan_of in deployment.hosts:
        seen = observed.hosts.get(plan_of.host)
        numbers = [r.release for r in seen.replicas if r.state is ReplicaState.RUNNING] if seen else []
        running = {number: numbers.count(number) for number in sorted(set(numbers))}
        found.append(HostChange(plan_of.host, running, deployment.count(plan_of)))
    return found


def continued(number: int, wish: Request, ports: Ports) -> list[PlannedStep]:
    """What a deployment under way would still do, if that were asked of it now."""
    deployment = replace(ports.deployments.deployment(number), request=wish)
    return plan(deployment, survey(deployment, ports), ports.clock.now())


def _places(place: Environment, placed: tuple[Placed, ...]) -> list[PlannedStep]:
    """Which hosts were chosen, when there was a choice."""
    if place.place is None and all(p.replicas for p in placed):
        return []
    return [
        PlannedStep(p.host, f"{p.replicas or 'no'} replica{'s' * (p.replicas != 1)}", p.why) for p in placed
    ]
