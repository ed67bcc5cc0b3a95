"""`.shipway.yml`, the repository's file, as a frozen value. Every key is optional: a lone Dockerfile works."""

from dataclasses import dataclass, field

from pipeline.delivery.report import ServiceContainer
from pipeline.rollout.release import HealthCheck


@dataclass(frozen=True)
class BuildSpec:
    dockerfile: str = "Dockerfile"
    context: str = "."
    target: str = ""
    args: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # names among the environment's own
    platform: str = ""
    cache: bool = False  # between builders, by the registry


@dataclass(frozen=True)
class TestSpec:
    command: str = ""
    target: str = ""
    services: dict[str, ServiceContainer] = field(default_factory=dict)  # by name
    env: dict[str, str] = field(default_factory=dict)
    timeout: float = 600.0
    reports: str = ""
    commands: dict[str, str] = field(default_factory=dict)  # more of them, by name
    coverage: str = ""  # a regular expression
    artifacts: tuple[str, ...] = ()
    retry: int = 0


@dataclass(frozen=True)
class RunSpec:
    port: int | None = None  # None: the only port the image exposes, else 8000
    command: str = ""
    env: dict[str, str] = field(default_factory=dict)
    memory: int = 0
    cpus: float = 0.0
    stop_timeout: float | None = None
    before_deploy: str = ""
    after_deploy: str = ""
    on_failure: str = ""


@dataclass(frozen=True)
class Spec:
    """`health` None: the image's HEALTHCHECK, or without one a TCP connect on the port."""

    build: BuildSpec = field(default_factory=BuildSpec)
    test: TestSpec = field(default_factory=TestSpec)
    run: RunSpec = field(default_factory=RunSpec)
    health: HealthCheck | None = None
