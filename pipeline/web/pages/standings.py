"""How environments stand, drawn from the API's overview, and from engines and proxies as far as they have answered."""

from pipeline.rollout.deployment import HostPhase, Status
from pipeline.web.fleet_answers import EnvironmentAnswer
from pipeline.web.overview_answers import (
    LastFailure,
    MovingDeployment,
    MovingRun,
    OverviewAnswer,
    OverviewPlace,
)
from pipeline.web.pages.standing import Failure, Live, Motion, Standing, replicas_of
from pipeline.web.pages.visit import Visit

DONE = {HostPhase.DONE, HostPhase.SKIPPED, HostPhase.RESTORED}
REST = {HostPhase.WAITING, *DONE}
COMMANDS = {Status.AWAITING_PROMOTION: "shipway approve {n}", Status.PAUSED: "shipway resume {n}"}


def standings(visit: Visit, service: str = "") -> list[Standing]:
    """Of the environments that its reader may see."""
    places = visit.ask(OverviewAnswer, "show_overview", {"service": service}).places
    live = [(one.service, one.environment) for one in places if one.live is not None]
    looks = visit.pulse.looks(live, visit.patience)
    return [standing_of(one, looks.get((one.service, one.environment))) for one in places]


def standing_of(place: OverviewPlace, seen: EnvironmentAnswer | None) -> Standing:
    motion = motion_of(place)
    return Standing(
        place.service,
        place.environment,
        place.condition,
        None if place.live is None else Live(place.live, place.commit, place.title, place.since),
        replicas_of(place.wanted, seen, place.live),
        motion,
        _failure(place.failure) if place.failure and not motion else None,
    )


def motion_of(place: OverviewPlace) -> Motion | None:
    """A deployment rather than the run that waits for it."""
    if place.deployment is not None:
        return _of_deployment(place.deployment)
    return _of_run(place.run) if place.run is not None else None


def _of_run(run: MovingRun) -> Motion:
    state, command = run.status.value, ""
    if run.waits:
        state, command = "awaiting approval", f"shipway run approve {run.id}"
    elif run.held:
        state, command = "held", f"shipway run approve {run.id} --override"
    return Motion(
        f"/runs/{run.id}",
        "run",
        run.id,
        state,
        run.stage.value if run.stage else "",
        "",
        run.done,
        run.total,
        run.since,
        title=run.title,
        held=run.held,
        until=run.until,
        command=command,
    )


def _of_deployment(moving: MovingDeployment) -> Motion:
    phases = moving.phases
    host, phase = next(((host, phase) for host, phase in phases.items() if phase not in REST), ("", None))
    return Motion(
        f"/deployments/{moving.id}",
        "deployment",
        moving.id,
        moving.status.value,
        phase.value if phase else "",
        host,
        sum(one in DONE for one in phases.values()),
        len(phases),
        moving.since,
        moving.release,
        moving.title,
        moving.blocked,
        until=moving.until,
        command=COMMANDS.get(moving.status, "").format(n=moving.id),
    )


def _failure(found: LastFailure) -> Failure:
    return Failure(f"/{found.kind}s/{found.id}", found.kind, found.id, found.status, found.error, found.at)
