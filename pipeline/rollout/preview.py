"""Flow 5: what a deployment of a release would do now, without doing it. Nothing is written, and no host is touched."""

from dataclasses import replace

from pipeline.errors import Conflict
from pipeline.fleet.placement import Placed
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Reason, Request
from pipeline.rollout.plan import plan
from pipeline.rollout.survey import survey
from pipeline.rollout.whereabouts import drafted, whereabouts
from pipeline.rollout.wording import PlannedStep


def preview(service: str, environment: str, number: int | None, ports: Ports) -> list[PlannedStep]:
    """`number` None: the newest release that was made for this environment."""
    place = ports.settings.environment(service, environment)
    if number is None:
        made = [r for r in ports.releases.releases(service) if r.environment in ("", environment)]
        if not made:
            raise Conflict(f"{service}/{environment} has no release yet: push a commit, or name an image.")
        number = made[0].number
    release = ports.releases.release(service, number)
    deployment = drafted(place, release, Reason.MANUAL, "plan", ports)
    steps = plan(deployment, survey(deployment, ports))
    return [*_places(place, whereabouts(place, release, ports)), *steps]


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
