"""One attempt at one run, and the patience that every stage of it has with the outside world."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pipeline.delivery import stages
from pipeline.delivery.orders import BuildOrder, Recipe
from pipeline.delivery.run import Run, StageName
from pipeline.errors import Stopped, Unreachable
from pipeline.fleet.service import Environment, Service
from pipeline.lease import Lease
from pipeline.ports import Ports
from pipeline.rollout.secrets import secrets_of
from pipeline.secret import Secret
from pipeline.spec import Spec
from pipeline.stored_secret import Use

T = TypeVar("T")
Detail = dict[str, str]
SKIPPED = "skipped"  # key of a stage's detail


@dataclass(frozen=True)
class Trip:
    """One attempt at one run."""

    run: Run
    service: Service
    environment: Environment | None  # None: of a merge request, which has none, and so no secrets
    lease: Lease
    stop: Callable[[], bool]

    def check(self) -> None:
        if self.stop():
            raise Stopped(f"Run {self.run.id} was stopped.")


@dataclass(frozen=True)
class Ground:
    """What the work tree says. `commit` in full, also when the forge told its first digits only."""

    commit: str
    spec: Spec
    recipe: Recipe
    fingerprint: str = ""  # equal for the same tree; empty: nobody can say
    unchanged: str = ""  # why nothing is to be built
    committed_at: datetime | None = None


def order_of_build(trip: Trip, ground: Ground, tag: str, ports: Ports) -> BuildOrder:
    """With the secrets of its environment that the repository names."""
    before = stages.image_before(ports.runs.runs(trip.run.service)) if ground.spec.build.cache else ""
    own = trip.environment.secrets if trip.environment else {}
    secrets = {**secrets_for(trip, Use.BUILD, ports), **own}
    timeout = ports.settings.builder.timeout
    origin = stages.origin_labels(trip.run, trip.service.repository.address, ground.committed_at)
    return stages.build_order(trip.run, ground.spec, ground.recipe, tag, timeout, secrets, before, origin)


def secrets_for(trip: Trip, use: Use, ports: Ports) -> dict[str, Secret]:
    """That are kept for this stage of it."""
    run = trip.run
    return secrets_of(run.service, run.environment, use, ports, stages.trusted(run))


def log_of(run: Run, name: StageName, ports: Ports) -> Callable[[str], None]:
    return lambda text: ports.logs.append(run.id, name.value, text)


def patiently(act: Callable[[], T], log: Callable[[str], None], trip: Trip, ports: Ports) -> T:
    """Tries again what did not answer, for a bounded time. Whatever answered no is final at once."""
    begun = ports.clock.now()
    for tried, pause in enumerate(stages.pauses(), start=1):
        trip.check()
        try:
            return act()
        except Unreachable as error:
            spent = (ports.clock.now() - begun).total_seconds()
            if spent + pause > stages.PATIENCE:
                raise Unreachable(f"{error} Tried {tried} times in {spent:.0f} s.") from error
            log(f"[shipway] {error} Trying again in {pause:.0f} s.\n")
        _sleep(pause, trip, ports)
    raise AssertionError("pauses() has no end")


def _sleep(seconds: float, trip: Trip, ports: Ports) -> None:
    while seconds > 0:
        trip.check()
        ports.clock.sleep(min(1.0, seconds))
        seconds -= 1.0
