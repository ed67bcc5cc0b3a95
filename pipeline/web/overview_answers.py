"""What the API answers about everything at once: each environment in one line."""

from pipeline.delivery.run import RunStatus, StageName
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
    """`title`: the commit's first line."""

    id: int
    release: int
    status: Status
    settled: bool
    blocked: str
    phases: dict[str, HostPhase]  # by host
    since: Utc
    until: Utc | None
    title: str


class MovingRun(Answer):
    """`stage`: the one that it is in; null while it waits for a worker, and between two. `waits`: for an approval; `held`: for
    a window or the end of a freeze, in words, and `until` when it goes on by itself. `done` of `total` stages are over."""

    id: int
    status: RunStatus
    stage: StageName | None
    done: int
    total: int
    waits: bool
    held: str
    since: Utc
    until: Utc | None
    title: str


class LastFailure(Answer):
    """What ended badly last, with nothing good after it. `kind`: run, deployment."""

    kind: str
    id: int
    status: str
    error: str
    at: Utc | None


class OverviewPlace(Answer):
    """`since`: when the live release came, `title` its commit's first line. `healthy` is null when hosts were not asked."""

    service: str
    environment: str
    condition: Condition
    why: str
    live: int | None
    commit: str
    ref: str
    title: str
    since: Utc | None
    wanted: int
    healthy: int | None
    seats: list[SeatAnswer]
    deployment: MovingDeployment | None
    run: MovingRun | None
    failure: LastFailure | None


class OverviewAnswer(Answer):
    """Sick ones first."""

    places: list[OverviewPlace]
