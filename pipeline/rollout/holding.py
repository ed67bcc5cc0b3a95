"""Whether an environment takes deployments now: its windows and freezes in shipway.yml, and the freezes that people set.

Going back, aborting, scaling and moving replicas are never asked about here: they are how people mend things.
"""

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.service import Environment
from pipeline.fleet.window import Hold, hold_of
from pipeline.ports import Ports


def hold_now(place: Environment, ports: Ports) -> Hold | None:
    """None: it does."""
    now = ports.clock.now()
    by_people = [one for one in ports.freezes.freezes() if one.is_of(place.service, place.name)]
    return hold_of(place.windows, [*place.freezes, *by_people], now, ports.settings.server.timezone)


def demand_open(place: Environment, override: bool, ports: Ports) -> None:
    """Raises `Conflict` with the reason. `override`: somebody who may has said that it does not matter."""
    hold = None if override else hold_now(place, ports)
    if hold is not None:
        raise Conflict(
            f"{place.service}/{place.name} {hold.why}. Nothing was deployed. A push waits until then by itself; "
            "an admin deploys now with --override (`override: true`). Going back needs neither."
        )


def let_go(ports: Ports) -> tuple[int, ...]:
    """Runs that waited and are due now. Of the others it is written down why they wait today."""
    free = []
    for run in ports.runs.held():
        try:
            hold = hold_now(ports.settings.environment(run.service, run.environment), ports)
        except NotFound:
            hold = None  # shipway.yml has it no more: the run says so itself
        why = hold.why if hold else ""
        if why != run.held:
            ports.runs.held_for(run.id, why)
        if not why:
            free.append(run.id)
    return tuple(free)
