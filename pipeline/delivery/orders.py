"""What the building engine is asked to do for one run, and what a test said. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.secret import Secret


@dataclass(frozen=True)
class Recipe:
    """What to build from, found in a work tree and proved to lie inside it."""

    context: str  # absolute
    dockerfile: str  # relative to context; begins with ../ when it lies beside it
    text: str  # of the Dockerfile


@dataclass(frozen=True)
class BuildOrder:
    """One image to build. Relative paths are inside the work tree and were checked to stay there."""

    run: int
    service: str
    context: str  # absolute
    dockerfile: str  # relative to context
    target: str
    args: Mapping[str, str]
    tag: str
    labels: Mapping[str, str]
    timeout: float
    text: str = ""  # of the Dockerfile


@dataclass(frozen=True)
class TestOrder:
    """One test container, and the containers it needs beside it."""

    run: int
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    services: Mapping[str, str]  # name on the network -> image
    timeout: float
    reports: str  # glob inside the container, "" for none
    memory: int
    cpus: float
    pids: int
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # win over `env`


@dataclass(frozen=True)
class TestOutcome:
    exit_code: int
    summary: str  # "12 passed, 1 failed" from JUnit, or ""


@dataclass(frozen=True)
class ImageFacts:
    """What a built image says about itself."""

    healthcheck: bool = False
    ports: tuple[int, ...] = ()  # EXPOSEd
