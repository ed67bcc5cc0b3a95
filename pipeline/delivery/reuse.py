"""FLOW: an earlier run of the same service that built and tested the very same tree on the very same bases, so that nobody
does it twice.

What a person or a schedule asks for is always done anew. In doubt it is built.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.delivery import stages
from pipeline.delivery.dockerfile import bases
from pipeline.delivery.run import Run, StageName
from pipeline.delivery.trip import Ground, Trip, log_of
from pipeline.errors import RunnerError
from pipeline.ports import Ports

LOOKED_AT = 50  # runs back


@dataclass(frozen=True)
class Earlier:
    """`twin` None: it is built; with `refresh` its bases are looked for anew."""

    twin: Run | None = None
    refresh: bool = False


def look_back(trip: Trip, ground: Ground, ports: Ports) -> Earlier:
    """The newest run of the same tree, when the registry still has its image and no base has moved."""
    if stages.asked_for(trip.run):
        return Earlier(refresh=True)
    if not ground.fingerprint:
        return Earlier()
    earlier = ports.runs.runs(trip.run.service, "", LOOKED_AT)
    twin = next((run for run in earlier if stages.is_twin(run, trip.run, ground.fingerprint)), None)
    if twin is None or not _published(twin, trip, ports):
        return Earlier()
    log = log_of(trip.run, StageName.CHECKOUT, ports)
    if moved := _moved(twin, ground, log, ports):
        log(f"[shipway] Run {twin.id} built the same tree, but {moved}: it is built anew.\n")
        return Earlier(refresh=True)
    return Earlier(twin)


def bases_used(ground: Ground, ports: Ports) -> str:
    """What each base meant when it was built on, for runs to come: `name=digest …`."""
    names = bases(ground.recipe.text, ground.spec.build.args)
    return " ".join(f"{name}={_here_or_there(name, ground, ports)}" for name in names)


def _here_or_there(name: str, ground: Ground, ports: Ports) -> str:
    """For another platform BuildKit fetches bases itself, and the engine has none."""
    try:
        if ground.spec.build.platform:
            return ports.builder.base_there(name, ports.settings.registry)
        return ports.builder.base_here(name)
    except RunnerError:
        return ""


def _moved(twin: Run, ground: Ground, log: Callable[[str], None], ports: Ports) -> str:
    """Why its bases are not what they were; empty: they are."""
    for name in bases(ground.recipe.text, ground.spec.build.args):
        if "@" in name:
            continue
        if not twin.bases.get(name):
            return f"nobody wrote down which {name} it was built on"
        if _now(name, twin.bases[name], log, ports) != twin.bases[name]:
            return f"its base {name} has moved since"
    return ""


def _now(name: str, then: str, log: Callable[[str], None], ports: Ports) -> str:
    """One that was made on the builder is of no registry that could be asked."""
    if then.startswith("id:"):
        return ports.builder.base_here(name)
    try:
        return ports.builder.base_there(name, ports.settings.registry)
    except RunnerError as error:
        log(f"[shipway] {error} The one on the builder counts.\n")
        return ports.builder.base_here(name)


def _published(twin: Run, trip: Trip, ports: Ports) -> bool:
    try:
        return ports.builder.published(twin.image, ports.settings.registry)
    except RunnerError as error:
        log = log_of(trip.run, StageName.CHECKOUT, ports)
        log(
            f"[shipway] Nobody can say whether the image of run {twin.id} is still there, so it is built: {error}\n"
        )
        return False
