"""FLOW: has a service in a folder anything new to build? Asks git, over what is live now; a webhook's list of commits is cut,
and knows nothing of runs that failed or were superseded.

In doubt it is built: nothing live, a force push, a rollout that failed, a person or a schedule that asked.
"""

from collections.abc import Callable

from pipeline.delivery import stages
from pipeline.delivery.paths import area_of, narrowed
from pipeline.delivery.trip import Ground, Trip, patiently
from pipeline.errors import NotFound
from pipeline.ports import Ports
from pipeline.rollout.deployment import Status

Log = Callable[[str], None]


def unchanged(trip: Trip, ground: Ground, log: Log, ports: Ports) -> str:
    """The sentence why nothing is to be done; empty: it is built."""
    run = trip.run
    if not narrowed(trip.service) or stages.asked_for(run):
        return ""
    try:
        since, words = _of_request(trip, ground, log, ports) if run.merge_request else _of_push(trip, ports)
        changed = ports.source.changes(trip.service.repository, since, ground.commit)
    except NotFound as doubt:
        log(f"Built whatever changed: {doubt}\n")
        return ""
    area = area_of(trip.service, ground.spec, ground.recipe)
    return "" if area.any_of(changed) else f"Nothing {area} changed {words}."


def _of_push(trip: Trip, ports: Ports) -> tuple[str, str]:
    """The commit to compare with, and what it is. Raises `NotFound` when there is none to trust."""
    run, state = trip.run, ports.deployments.environment(trip.run.service, trip.run.environment)
    newest = ports.deployments.deployments(run.service, run.environment, limit=1)
    if state.live is None:
        raise NotFound(f"nothing is live on {run.environment} yet.")
    if newest and newest[0].status is Status.FAILED:
        raise NotFound(f"deployment {newest[0].id}, the last one on {run.environment}, failed.")
    commit = ports.releases.release(run.service, state.live).commit
    if not commit:
        raise NotFound(f"nobody knows of which commit release {state.live} is, which is live.")
    return commit, f"since release {state.live} ({commit[:12]}), which is live on {run.environment}"


def _of_request(trip: Trip, ground: Ground, log: Log, ports: Ports) -> tuple[str, str]:
    run, repository = trip.run, trip.service.repository
    base = patiently(
        lambda: ports.source.merge_base(repository, ground.commit, run.target, trip.stop), log, trip, ports
    )
    return base, f"in {run.place}, since it left {run.target} at {base[:12]}"
