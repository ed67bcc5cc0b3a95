"""FLOW: a published run that may not deploy yet: for an approval, for a window, or for the end of a freeze.

Nobody holds a worker while it waits: the run is queued again, and due when somebody says yes or the time has come.
"""

from pipeline.delivery.run import StageName
from pipeline.delivery.trip import Trip, log_of
from pipeline.fleet.service import Approval
from pipeline.ports import Ports
from pipeline.rollout.holding import hold_now


def must_wait(trip: Trip, ports: Ports) -> bool:
    """True: it does now, or gave way to a newer one."""
    run, place = trip.run, trip.environment
    if place is None:
        return False
    if place.approve is Approval.MANUAL and not run.approved_by:
        _wait_for_approval(trip, ports)
        return True
    hold = None if run.overridden_by else hold_now(place, ports)
    if hold is not None:
        _wait_for(hold.why, trip, ports)
    return hold is not None


def _wait_for_approval(trip: Trip, ports: Ports) -> None:
    run = trip.run
    how = f"`shipway run approve {run.id}` deploys it, `shipway run cancel {run.id}` does not."
    _say(f"{run.environment} waits for an approval: {how}", trip, ports)
    if ports.runs.wait_for_approval(run.id, trip.lease):
        ports.notices.tell(f"{run.service} {run.environment}: run {run.id} waits for an approval", how)


def _wait_for(why: str, trip: Trip, ports: Ports) -> None:
    run = trip.run
    how = f"It deploys by itself then; `shipway run approve {run.id} --override` deploys it now (role admin)."
    _say(f"{run.environment} {why}. {how}", trip, ports)
    if ports.runs.hold(run.id, why, trip.lease):
        ports.notices.tell(f"{run.service} {run.environment}: run {run.id} {why}", how)


def _say(text: str, trip: Trip, ports: Ports) -> None:
    log_of(trip.run, StageName.DEPLOY, ports)(f"[shipway] {text}\n")
    ports.logs.close(trip.run.id, StageName.DEPLOY.value)
