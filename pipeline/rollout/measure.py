"""What Prometheus says of a release while it bakes: when it is asked, and what its answers mean. Pure.

| answer              | what it means                                                                      |
|---------------------|------------------------------------------------------------------------------------|
| at most the limit   | go on                                                                              |
| over the limit      | a fault of the release                                                             |
| none: cannot be read| no further host begins and nothing is final; after the grace the rollout is paused |
| no data             | neither good nor bad: the other criteria decide, and the history says so           |
"""

from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.fleet.metric import Criterion, Reading
from pipeline.rollout.deployment import Deployment, Status
from pipeline.rollout.look import Fault, Look, after, passed, replace_look

EVERY = 5.0  # seconds between two readings: servers scrape less often than that
WATCHED = frozenset({Status.ROLLING, Status.PAUSED, Status.AWAITING_PROMOTION})


def due(deployment: Deployment, now: datetime) -> tuple[Criterion, ...]:
    """To be asked now: while users reach the release, and at once when they reach it on another host."""
    switched = _switched(deployment)
    if deployment.status not in WATCHED or deployment.settled or deployment.failed_at or switched is None:
        return ()
    read = _read_at(deployment)
    fresh = read is not None and read >= switched and now < read + timedelta(seconds=EVERY)
    return () if fresh else deployment.policy.metrics


def noted(look: Look) -> Look:
    """The look with what was read just now in the record."""
    readings = look.observed.readings
    if not readings:
        return look
    since = look.deployment.unread_since or look.now
    unread = any(reading.error for reading in readings)
    deployment = replace(look.deployment, readings=readings, unread_since=since if unread else None)
    return replace_look(look, deployment)


def verdict(look: Look) -> Fault | None:
    over = next((reading for reading in look.deployment.readings if reading.over), None)
    return (
        Fault("", "bake", f"bake: {said(over)} for release {look.deployment.release.number}")
        if over
        else None
    )


def held(look: Look) -> bool:
    """Something must be read before more users may reach the release, or before it is final."""
    switched, read = _switched(look.deployment), _read_at(look.deployment)
    if not look.deployment.policy.metrics or switched is None:
        return False
    return look.deployment.unread_since is not None or read is None or read < switched


def blind(look: Look) -> str:
    """Why a person must look: it could not be read for as long as a host may be silent. Empty: not yet."""
    since, grace = look.deployment.unread_since, look.deployment.policy.unreachable_grace
    if since is None or not passed(after(since, grace), look.now):
        return ""
    why = next((r for r in look.deployment.readings if r.error), None)
    return f"paused: {said(why)} for {grace:g} s; resume when it answers, or abort" if why else ""


def said(reading: Reading) -> str:
    if reading.error:
        return f"metric {reading.query} cannot be read: {reading.error}"
    if reading.value is None:
        return f"metric {reading.query} has no data, so it counts neither for nor against"
    limit = f"more than {reading.most:g}" if reading.over else f"at most {reading.most:g} is allowed"
    return f"metric {reading.query} is {reading.value:g}, {limit}"


def _switched(deployment: Deployment) -> datetime | None:
    """The last time that the release reached more users."""
    return max((r.switched_at for r in deployment.records if r.switched_at), default=None)


def _read_at(deployment: Deployment) -> datetime | None:
    return max((reading.at for reading in deployment.readings), default=None)
