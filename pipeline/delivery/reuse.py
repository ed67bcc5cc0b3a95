"""FLOW: an earlier run of the same service that built and tested the very same tree, so that nobody does it twice.

What a person asks for is always done anew: that is how a base image that has moved gets in. In doubt it is built.
"""

from pipeline.delivery import stages
from pipeline.delivery.run import Run, StageName
from pipeline.delivery.trip import Ground, Trip, log_of
from pipeline.errors import RunnerError
from pipeline.ports import Ports

LOOKED_AT = 50  # runs back


def twin_of(trip: Trip, ground: Ground, ports: Ports) -> Run | None:
    """The newest such run whose image the registry still has."""
    if not ground.fingerprint or trip.run.asked_for:
        return None
    earlier = ports.runs.runs(trip.run.service, "", LOOKED_AT)
    twin = next((run for run in earlier if stages.is_twin(run, trip.run, ground.fingerprint)), None)
    return twin if twin and _published(twin, trip, ports) else None


def _published(twin: Run, trip: Trip, ports: Ports) -> bool:
    try:
        return ports.builder.published(twin.image, ports.settings.registry)
    except RunnerError as error:
        log = log_of(trip.run, StageName.CHECKOUT, ports)
        log(
            f"[shipway] Nobody can say whether the image of run {twin.id} is still there, so it is built: {error}\n"
        )
        return False
