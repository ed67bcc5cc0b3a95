"""What the API answers about runs and deployments, field by field, and what all answers share."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from pipeline.delivery.run import RunStatus, StageName, StageStatus
from pipeline.rollout.deployment import HostPhase, Reason, Request, Status


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


Utc = Annotated[datetime, AfterValidator(_utc)]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------------------------------------------ runs


class StageAnswer(Answer):
    name: StageName
    status: StageStatus
    started_at: Utc | None
    finished_at: Utc | None
    error: str
    detail: dict[str, str]
    attempts: int


class CaseAnswer(Answer):
    """One that failed. `command` is empty for `test.command`."""

    name: str
    message: str
    command: str


class TestCommandAnswer(Answer):
    name: str
    exit_code: int
    seconds: float
    attempts: int


class TestsAnswer(Answer):
    """Counts are of the reports (errors count as failed), null without one. `cases`: the first that failed."""

    passed: int | None
    failed: int | None
    skipped: int | None
    coverage: float | None
    commands: list[TestCommandAnswer]
    cases: list[CaseAnswer]


class ArtifactAnswer(Answer):
    path: str
    size: int


class ArtifactsAnswer(Answer):
    artifacts: list[ArtifactAnswer]


class RunAnswer(Answer):
    """`waits`: for an approval, before it deploys; `held`: for a window or the end of a freeze, in words."""

    id: int
    service: str
    environment: str
    kind: str
    ref: str
    commit: str
    message: str
    status: RunStatus
    error: str
    stages: list[StageAnswer]
    tests: TestsAnswer | None
    release: int | None
    deployment: int | None
    delivery: int | None
    requested_by: str
    attempt: int
    cancel_requested: bool
    waits: bool
    approved_by: str
    held: str
    overridden_by: str
    override_reason: str
    created_at: Utc
    started_at: Utc | None
    finished_at: Utc | None
    merge_request: int | None  # its number; then `environment` is empty
    target: str
    fork: bool


class RunsAnswer(Answer):
    runs: list[RunAnswer]
    next: int | None


class RunAccepted(Answer):
    run: int
    status: RunStatus


# ------------------------------------------------------------------------------------------------ deployments


class ProbeAnswer(Answer):
    """What the probes of one new replica have said: good and bad ones in a row, of which `rise` or `fall` decide."""

    index: int
    good: int
    bad: int
    rise: int
    fall: int
    smoked: bool
    note: str


class DeploymentHost(Answer):
    """`replicas` 0: the environment leaves this host. `why` it has so many, where there was a choice. `until`: what it is
    in ends then, or must have ended."""

    host: str
    phase: HostPhase
    error: str
    replicas: int
    why: str
    until: Utc | None
    probes: list[ProbeAnswer]


class EventAnswer(Answer):
    id: int
    at: Utc
    kind: str
    text: str
    host: str


class EventsAnswer(Answer):
    events: list[EventAnswer]


class DeploymentSummary(Answer):
    """`blocked` says why a rollback cannot finish yet; empty when nothing stands in its way. `settled`: the release is
    good, only old replicas remain to be stopped. `until`: as with a host, for all of them."""

    id: int
    service: str
    environment: str
    release: int
    previous_release: int | None
    image: str
    commit: str
    reason: Reason
    status: Status
    request: Request
    blocked: str
    settled: bool
    until: Utc | None
    error: str
    replicas: int
    run: int | None
    requested_by: str
    hosts: list[DeploymentHost]
    created_at: Utc
    started_at: Utc | None
    finished_at: Utc | None


class DeploymentAnswer(DeploymentSummary):
    events: list[EventAnswer]


class DeploymentsAnswer(Answer):
    deployments: list[DeploymentSummary]
    next: int | None


class DeploymentAccepted(Answer):
    deployment: int


class RequestAccepted(Answer):
    deployment: int
    request: Request


class PlanStep(Answer):
    """`host` is empty for what concerns the whole environment. `sign`: + a replica comes, - one goes, ~ traffic moves."""

    host: str
    text: str
    why: str
    sign: str


class DifferenceAnswer(Answer):
    """`sign`: + came, - went, ~ is another one. Of a secret only the name."""

    sign: str
    what: str
    before: str
    after: str


class HostChangeAnswer(Answer):
    """`running`: replicas now, by release. `wanted`: those of the planned release."""

    host: str
    running: dict[int, int]
    wanted: int


class PlanAnswer(Answer):
    """`release` as it was asked for, `planned` the one that was meant. `differences`: from what is live."""

    service: str
    environment: str
    release: int | None
    planned: int
    live: int | None
    differences: list[DifferenceAnswer]
    hosts: list[HostChangeAnswer]
    steps: list[PlanStep]
