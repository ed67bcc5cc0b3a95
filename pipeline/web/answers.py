"""What the API answers: the models, field by field. Secrets have no field here; of a release only their names."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from pipeline.delivery.run import RunStatus, StageName, StageStatus
from pipeline.rollout.deployment import HostPhase, Reason, Request, Status
from pipeline.rollout.observed import ReplicaState


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


Utc = Annotated[datetime, AfterValidator(_utc)]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ------------------------------------------------------------------------------------------------ services


class EnvironmentSummary(Answer):
    name: str
    branches: list[str]
    tags: list[str]
    hosts: list[str]
    proxy: str | None
    load_balancer: str | None
    domain: str
    replicas: int
    live: int | None
    last_good: int | None
    active_deployment: int | None


class ServiceAnswer(Answer):
    name: str
    repository: str
    forge: str
    project: str
    path: str
    environments: list[EnvironmentSummary]


class ServicesAnswer(Answer):
    services: list[ServiceAnswer]


class ReplicaAnswer(Answer):
    container: str
    name: str
    release: int
    index: int
    state: ReplicaState
    address: str
    started_at: str
    health: str
    exit_code: int | None
    oom: bool


class EnvironmentHost(Answer):
    host: str
    address: str
    reachable: bool
    error: str
    free_bytes: int | None
    clock_skew: float | None
    replicas: list[ReplicaAnswer]


class BackendAnswer(Answer):
    """`host` and `release` are null for a backend that none of this environment's replicas stands behind."""

    address: str
    state: str
    host: str | None
    release: int | None
    sessions: int | None
    requests: int | None
    errors: int | None


class ProxyAnswer(Answer):
    proxy: str
    host: str
    running: bool
    generation: int
    error: str
    backends: list[BackendAnswer]


class HealthAnswer(Answer):
    kind: str
    path: str
    status: int
    interval: float
    timeout: float
    rise: int
    fall: int
    deadline: float
    start_period: float
    smoke: list[str]


class SpecAnswer(Answer):
    """`secrets` holds names only."""

    port: int
    command: list[str]
    env: dict[str, str]
    secrets: list[str]
    memory: int
    cpus: float
    stop_timeout: float
    before_deploy: list[str]
    health: HealthAnswer


class ReleaseAnswer(Answer):
    service: str
    number: int
    image: str
    commit: str
    ref: str
    environment: str
    run: int | None
    created_at: Utc | None
    spec: SpecAnswer


class ReleasesAnswer(Answer):
    releases: list[ReleaseAnswer]
    next: int | None


class EnvironmentAnswer(Answer):
    """What is live by the books, and what engines and proxies say right now."""

    service: str
    environment: str
    live: int | None
    last_good: int | None
    release: ReleaseAnswer | None
    replicas: int
    active_deployment: int | None
    hosts: list[EnvironmentHost]
    proxies: list[ProxyAnswer]
    load_balancer: str | None


# ------------------------------------------------------------------------------------------------ runs


class StageAnswer(Answer):
    name: StageName
    status: StageStatus
    started_at: Utc | None
    finished_at: Utc | None
    error: str
    detail: dict[str, str]


class RunAnswer(Answer):
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
    release: int | None
    deployment: int | None
    delivery: int | None
    requested_by: str
    attempt: int
    cancel_requested: bool
    created_at: Utc
    started_at: Utc | None
    finished_at: Utc | None


class RunsAnswer(Answer):
    runs: list[RunAnswer]
    next: int | None


class RunAccepted(Answer):
    run: int
    status: RunStatus


# ------------------------------------------------------------------------------------------------ deployments


class DeploymentHost(Answer):
    host: str
    phase: HostPhase
    error: str


class EventAnswer(Answer):
    id: int
    at: Utc
    kind: str
    text: str
    host: str


class EventsAnswer(Answer):
    events: list[EventAnswer]


class DeploymentSummary(Answer):
    """`blocked` says why a rollback cannot finish yet; empty when nothing stands in its way."""

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
    host: str
    text: str


class PlanAnswer(Answer):
    service: str
    environment: str
    release: int
    live: int | None
    steps: list[PlanStep]


# ------------------------------------------------------------------------------------------------ the whole


class HostAnswer(Answer):
    """`reachable` is null when no environment uses the host, so that nobody asked it."""

    name: str
    engine: str
    address: str
    region: str
    labels: dict[str, str]
    environments: list[str]
    reachable: bool | None
    error: str
    free_bytes: int | None
    clock_skew: float | None


class HostsAnswer(Answer):
    hosts: list[HostAnswer]


class DeliveryAnswer(Answer):
    id: int
    forge: str
    event: str
    project: str
    received_at: Utc
    runs: list[int]
    ignored: str


class DeliveriesAnswer(Answer):
    deliveries: list[DeliveryAnswer]
    next: int | None


class AuditEntry(Answer):
    id: int
    at: Utc
    actor: str
    action: str
    target: str
    detail: str


class AuditAnswer(Answer):
    entries: list[AuditEntry]
    next: int | None


class TokenAnswer(Answer):
    name: str
    role: str
    scopes: list[str]


class TokensAnswer(Answer):
    tokens: list[TokenAnswer]


class TokenCreated(TokenAnswer):
    """`token` is shown this once and cannot be read again."""

    token: str


class TokenRevoked(Answer):
    revoked: str


class CallerAnswer(Answer):
    """Who the token of this request is."""

    name: str
    role: str
    scopes: list[str]


class HookAnswer(Answer):
    delivery: int
    runs: list[int] | None = None
    ignored: str | None = None
    duplicate: bool | None = None


class CheckAnswer(Answer):
    name: str
    ok: bool
    detail: str


class ReadyAnswer(Answer):
    ready: bool
    down: list[str]
    checks: list[CheckAnswer]
