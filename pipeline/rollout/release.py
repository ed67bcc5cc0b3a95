"""An immutable release: which image, and everything needed to run it again exactly so. Nouns only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.secret import Secret


class HealthKind(StrEnum):
    HTTP = "http"
    IMAGE = "image"  # the image's own HEALTHCHECK, as the engine reports it
    TCP = "tcp"


@dataclass(frozen=True)
class HealthCheck:
    """When a replica counts as healthy. Times in seconds."""

    kind: HealthKind = HealthKind.TCP
    path: str = "/"
    status: int = 200
    interval: float = 1.0
    timeout: float = 2.0
    rise: int = 2
    fall: int = 3
    deadline: float = 60.0
    start_period: float = 0.0
    smoke: tuple[str, ...] = ()  # paths that must answer below 500 before any user sees the replica
    host: str = ""  # Host header of the requests (the route's domain); empty: the replica's own address

    @property
    def asked(self) -> str:
        """The path over HTTP; empty where health is not asked so."""
        return self.path if self.kind is HealthKind.HTTP else ""


class Hook(StrEnum):
    """Commands of the repository, run once in a container of a release. Named like the keys of `run:`."""

    BEFORE_DEPLOY = "before_deploy"
    AFTER_DEPLOY = "after_deploy"
    ON_FAILURE = "on_failure"


@dataclass(frozen=True)
class RuntimeSpec:
    """How a replica of this release is started. `command` empty: the image's own."""

    port: int = 8000
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    memory: int = 0  # bytes; 0: no limit
    cpus: float = 0.0  # 0: no limit
    stop_timeout: float = 10.0
    before_deploy: tuple[str, ...] = ()
    after_deploy: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    health: HealthCheck = field(default_factory=HealthCheck)

    def command_of(self, hook: Hook) -> tuple[str, ...]:
        return {
            Hook.BEFORE_DEPLOY: self.before_deploy,
            Hook.AFTER_DEPLOY: self.after_deploy,
            Hook.ON_FAILURE: self.on_failure,
        }[hook]


@dataclass(frozen=True)
class Release:
    """Numbered per service. `image` is always `repository@sha256:…`; a tag is never deployed."""

    service: str
    number: int
    image: str
    commit: str = ""
    ref: str = ""
    spec: RuntimeSpec = field(default_factory=RuntimeSpec)
    environment: str = ""  # the one it was made for
    run: int | None = None
    created_at: datetime | None = None

    @property
    def digest(self) -> str:
        return self.image.partition("@")[2]


@dataclass(frozen=True)
class ReleaseSummary:
    """What people know a release by, without its spec: for lists of many places."""

    service: str
    number: int
    commit: str = ""
    ref: str = ""
    run: int | None = None
    created_at: datetime | None = None
    image: str = ""


@dataclass(frozen=True)
class ReplicaPlan:
    """One container to be. `deployment` only labels it: a running replica of the same release is adopted."""

    service: str
    environment: str
    release: int
    image: str
    spec: RuntimeSpec
    deployment: int
    index: int
    commit: str = ""
    hook: str = ""  # not a replica: a command that is run once
