"""`.shipway.yml`, the repository's file: text in, frozen `Spec` out; everything that is wrong is told at once.

It is written by whoever can push, so nothing in it is trusted: no variables, no files, no path out of the repository.
Every key is optional.
"""

import re
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline import units
from pipeline.delivery.report import ServiceContainer
from pipeline.errors import BadConfig, StageFailed
from pipeline.faults import Faults, Reading
from pipeline.rollout.release import HealthCheck, HealthKind
from pipeline.settings_values import fits
from pipeline.spec import BuildSpec, RunSpec, Spec, TestSpec
from pipeline.units import Duration, Identifier, PositiveDuration, Text, UrlPath
from pipeline.yaml_text import load

FILE = ".shipway.yml"
SMALLEST_MEMORY = 6 << 20  # the engine refuses less
LONGEST_PATTERN = 200
PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?")


def parse_spec(text: str) -> Spec:
    """Raises one `StageFailed` with all faults."""
    try:
        raw = load(text, FILE)
    except BadConfig as error:
        raise StageFailed(str(error)) from None
    if raw is not None and not isinstance(raw, dict):
        raise StageFailed(f"{FILE} must be a mapping of sections such as build, test, run and health.")
    faults = Faults()
    keys = Reading(SpecKeys, raw or {}, {}, faults).model
    if faults:
        raise StageFailed(faults.told(FILE))
    return Spec(
        build=BuildSpec(**{**dict(keys.build), "secrets": tuple(keys.build.secrets)}),
        test=_test(keys.test),
        run=RunSpec(**dict(keys.run)),
        health=_health(keys.health) if keys.health else None,
    )


def spec_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    schema = SpecKeys.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": FILE}


def _test(keys: "TestKeys") -> TestSpec:
    services = {name: ServiceContainer(**dict(found)) for name, found in keys.services.items()}
    return TestSpec(**{**dict(keys), "services": services, "artifacts": tuple(keys.artifacts)})


def _health(keys: "HealthKeys") -> HealthCheck:
    return HealthCheck(**{**dict(keys), "kind": HealthKind.HTTP, "smoke": tuple(keys.smoke)})


def _command(value: object) -> str:
    found = units.text(value)
    try:
        shlex.split(found)
    except ValueError as error:
        raise ValueError(f"is not a command: {str(error).lower()}; quote it as in a shell") from None
    return found


def _memory(value: int) -> int:
    if 0 < value < SMALLEST_MEMORY:
        raise ValueError("is too small; an engine gives at least 6m (0 means no limit)")
    return value


def _service(value: object) -> object:
    """`redis: redis:7` is short for `redis: {image: redis:7}`."""
    return {"image": value} if isinstance(value, str) else value


def _probe(value: object) -> str:
    """A port, or a command."""
    found = units.text(value)
    return str(units.port_number(found)) if found.isdigit() else _command(found)


def _pattern(value: object) -> str:
    found = _printable(value)
    if len(found) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    try:
        groups = re.compile(found).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    if found and groups != 1:
        raise ValueError(
            rf"has {groups} groups; put the figure alone into round brackets, such as 'TOTAL.*?(\d+)%'"
        )
    return found


def _path(value: object) -> str:
    found = _printable(value).rstrip("/")
    if not found or ".." in found.split("/"):
        raise ValueError("is not a path in the container; write reports/*.xml or dist, without '..'")
    return found


def _printable(value: object) -> str:
    found = units.text(value)
    if not found.isprintable():
        raise ValueError("has characters that cannot be printed")
    return found


Command = Annotated[str, BeforeValidator(_command, json_schema_input_type=str)]
Stage = Annotated[units.Word, fits(units.STAGE, "is not the name of a Dockerfile stage")]
Platform = Annotated[units.Word, fits(PLATFORM, "is not a platform; write linux/amd64 or linux/arm64")]
CommandName = Annotated[units.Word, fits(units.NAME, "is no usable name; use a-z, 0-9 and '-'")]
ServiceName = Annotated[units.Word, fits(units.DNS_LABEL, "is not a host name; use a-z, 0-9 and '-'")]


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BuildKeys(Keys):
    dockerfile: units.InnerPath = Field(default="Dockerfile", description="The Dockerfile, inside `context`.")
    context: units.InnerPath = Field(default=".", description="The folder that is sent to the builder.")
    target: Stage = Field(default="", description="Stop at this stage. Empty: the last one.")
    args: dict[Identifier, Text] = Field(
        default={}, description="Build arguments. Not for secrets: images keep them."
    )
    secrets: list[Identifier] = Field(
        default=[], description="The environment's secrets that steps may mount: --mount=type=secret,id=NAME."
    )
    platform: Platform = Field(default="", description="Such as linux/arm64. Empty: the builder's own.")
    cache: bool = Field(
        default=False,
        description="Share layers between builders: the image carries its cache to the registry.",
    )


class ServiceKeys(Keys):
    image: units.Image = Field(description="The image to run beside the tests.")
    env: dict[Identifier, Text] = Field(default={}, description="Environment variables of the container.")
    command: Command = Field(default="", description="Empty: the image's own.")
    health: Annotated[str, BeforeValidator(_probe, json_schema_input_type=str | int)] = Field(
        default="",
        description="A command in it that must end with 0, or a port. Empty: the image's HEALTHCHECK, else its port.",
    )
    deadline: PositiveDuration = Field(default=60.0, description="Not ready by then: the tests fail.")


class TestKeys(Keys):
    command: Command = Field(
        default="",
        description="Run in a container of the image; exit code 0 passes. Empty: the stage named `test`.",
    )
    commands: dict[CommandName, Command] = Field(
        default={}, max_length=20, description="More commands, by name. All run, each in a fresh container."
    )
    target: Stage = Field(default="", description="Build and use this Dockerfile stage for the tests.")
    services: dict[ServiceName, Annotated[ServiceKeys, BeforeValidator(_service)]] = Field(
        default={}, description="Containers beside the tests, reached by these names."
    )
    env: dict[Identifier, Text] = Field(default={}, description="Environment variables of the tests.")
    timeout: PositiveDuration = Field(default=600.0, description="A command that takes longer fails.")
    retry: int = Field(default=0, ge=0, le=5, description="Red commands are tried so many times more.")
    reports: Annotated[str, BeforeValidator(_printable)] = Field(
        default="",
        description="JUnit XML files in the container: counts, failing cases; a pattern such as reports/*.xml.",
    )
    coverage: Annotated[str, BeforeValidator(_pattern)] = Field(
        default="", description="A regular expression with one group: the last such figure in the output."
    )
    artifacts: list[Annotated[str, BeforeValidator(_path)]] = Field(
        default=[],
        max_length=20,
        description="Files and folders in the container that are kept, as patterns.",
    )


class RunKeys(Keys):
    port: units.Port | None = Field(
        default=None,
        description="The port that the application listens on. Default: the one the image exposes, or 8000.",
    )
    command: Command = Field(default="", description="Empty: the image's own.")
    env: dict[Identifier, Text] = Field(
        default={}, description="Environment variables; the operator's file wins over them."
    )
    memory: Annotated[units.Size, AfterValidator(_memory)] = Field(default=0, description="Limit. 0: none.")
    cpus: float = Field(
        default=0.0, ge=0, le=1024, allow_inf_nan=False, description="Limit, such as 0.5. 0: none."
    )
    stop_timeout: Duration | None = Field(
        default=None, description="How long it may take to stop after SIGTERM. Default: 10s."
    )
    before_deploy: Command = Field(
        default="", description="Run once, with the new image, before any host is touched: migrations."
    )
    after_deploy: Command = Field(
        default="",
        description="Run once, with the new image, when it is live on all hosts. Its failure is only noted.",
    )
    on_failure: Command = Field(
        default="",
        description="Run once after a deployment failed or went back, with the image that is live then. SHIPWAY_ERROR says why.",
    )


class HealthKeys(Keys):
    path: UrlPath = Field(default="/", description="Asked over HTTP on the port.")
    status: int = Field(default=200, ge=100, le=599, description="The answer of a healthy replica.")
    interval: PositiveDuration = Field(default=1.0, description="Time between two requests.")
    timeout: PositiveDuration = Field(default=2.0, description="A slower answer counts as sick.")
    rise: int = Field(default=2, ge=1, le=100, description="So many good answers in a row: healthy.")
    fall: int = Field(default=3, ge=1, le=100, description="So many bad answers in a row: sick.")
    deadline: PositiveDuration = Field(
        default=60.0, description="Not healthy by then: the release has failed."
    )
    start_period: Duration = Field(
        default=0.0, description="Bad answers do not count this long after the start."
    )
    smoke: list[UrlPath] = Field(
        default=[], description="Paths that must answer below 500 before any user sees the replica."
    )


class SpecKeys(Keys):
    build: BuildKeys = Field(default=BuildKeys(), description="How the image is built.")
    test: TestKeys = Field(
        default=TestKeys(),
        description="How it is tested. Absent: a Dockerfile stage named `test`, if there is one.",
    )
    run: RunKeys = Field(default=RunKeys(), description="How a replica is started.")
    health: HealthKeys | None = Field(
        default=None,
        description="When a replica is healthy. Absent: the image's HEALTHCHECK, else a TCP connect.",
    )
