"""Flow 5: what a deployment of a release would do now, without doing it. Nothing is written, and no host is touched."""

from pipeline.errors import Conflict
from pipeline.ports import Ports
from pipeline.rollout.deployment import Reason
from pipeline.rollout.draft import draft
from pipeline.rollout.plan import plan
from pipeline.rollout.survey import survey
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
    state = ports.deployments.environment(service, environment)
    good = state.last_good
    previous = None if good is None else ports.releases.release(service, good)
    now = ports.clock.now()
    drafted = draft(place, release, previous, Reason.MANUAL, "plan", now, replicas=state.replicas)
    return plan(drafted, survey(drafted, ports))
