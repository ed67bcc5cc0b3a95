"""What the API answers about everything at once: each environment in one line."""

from pipeline.delivery.run import StageName
from pipeline.rollout.condition import Condition
from pipeline.rollout.deployment import HostPhase, Status
from pipeline.web.answers import Answer, Utc


class SeatAnswer(Answer):
    """One host's share. `healthy` is null when it was not asked or did not answer; then `error` says why."""

    host: str
    wanted: int
    healthy: int | None
    error: str


class MovingDeployment(Answer):
    id: int
    release: int
    status: Status
    settled: bool
    blocked: str
    phases: dict[str, HostPhase]  # by host
    until: Utc | None


class MovingRun(Answer):
    """`stage`: the one that it is in; null while it waits for a worker. `waits`: for an approval."""

    id: int
    stage: StageName | None
    waits: bool


class OverviewPlace(Answer):
    """`since`: when the live release came. `healthy` is null when hosts were not asked."""

    service: str
    environment: str
    condition: Condition
    why: str
    live: int | None
    commit: str
    ref: str
    since: Utc | None
    wanted: int
    healthy: int | None
    seats: list[SeatAnswer]
    deployment: MovingDeployment | None
    run: MovingRun | None


class OverviewAnswer(Answer):
    """Sick ones first."""

    places: list[OverviewPlace]
