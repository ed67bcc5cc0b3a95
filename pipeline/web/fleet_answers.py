"""What the API answers about services, releases and hosts. Secrets have no field here; of a release only their names."""

from pipeline.fleet.balancer import MemberState
from pipeline.rollout.observed import ReplicaState
from pipeline.web.answers import Answer, Utc


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
    poll: float  # seconds between two looks at the repository; 0: none
    trouble: str  # why it cannot be looked at; empty: it can
    trouble_since: Utc | None


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
    """`placed`: so many replicas it should have by our books."""

    host: str
    address: str
    reachable: bool
    error: str
    free_bytes: int | None
    clock_skew: float | None
    replicas: list[ReplicaAnswer]
    placed: int
    drained: str


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


class MemberAnswer(Answer):
    """A host behind the load balancer, as that has it; `reason` is the cloud's own word."""

    host: str
    target: str
    state: MemberState
    ours: bool
    weight: int | None
    reason: str


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
    after_deploy: list[str]
    on_failure: list[str]
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
    """What is live by the books, and what engines and proxies say right now. `outdated_secrets`: names of those of which
    the live release has another value than one made now would get."""

    service: str
    environment: str
    live: int | None
    last_good: int | None
    release: ReleaseAnswer | None
    outdated_secrets: list[str]
    replicas: int
    active_deployment: int | None
    hosts: list[EnvironmentHost]
    proxies: list[ProxyAnswer]
    load_balancer: str | None
    members: list[MemberAnswer]
    load_balancer_error: str


class MovesAnswer(Answer):
    """`waiting`: environments that something else is being deployed to; they follow by themselves."""

    deployments: list[int]
    waiting: list[str]


class JoinedAnswer(Answer):
    """Of a host that is in no file. `certificate_until`: null where none of ours is good."""

    joined_at: Utc
    pool: str
    provider: str
    instance: str
    size: str
    engine_version: str
    protected: bool
    certificate_until: Utc | None


class HostAnswer(Answer):
    """`reachable` is null when no environment uses the host, so that nobody asked it. `drained` says by whom and why;
    `silent_since`: for so long it has not answered. `agent`: of a host that dials out, since when it is connected or away."""

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
    memory: int | None
    drained: str
    silent_since: Utc | None
    agent: str = ""
    joined: JoinedAnswer | None = None


class HostsAnswer(Answer):
    hosts: list[HostAnswer]
