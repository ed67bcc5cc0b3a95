"""What the building engine is asked to do for one run. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.delivery.report import ServiceContainer
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
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # mounted in the steps that ask for them
    platform: str = ""  # empty: the builder's own
    cache: bool = False  # into the image, so that other builders can use it
    cache_from: str = ""  # an image with such a cache
    refresh: bool = False  # bases are looked for in their registries although they are there


@dataclass(frozen=True)
class TestOrder:
    """A test container for each command, one after the other, and the containers they need beside them.

    `commands`: by name, empty for `test.command`; without words: what the image runs by itself. `coverage` is a pattern
    that untrusted people wrote."""

    run: int
    image: str
    commands: Mapping[str, tuple[str, ...]]
    env: Mapping[str, str]
    services: Mapping[str, ServiceContainer]  # by their names on the network
    timeout: float
    reports: str  # glob inside the container, "" for none
    memory: int
    cpus: float
    pids: int
    labels: Mapping[str, str] = field(default_factory=dict)
    coverage: str = ""
    artifacts: tuple[str, ...] = ()  # globs inside the container
    attempt: int = 1
    secrets: Mapping[str, Secret] = field(default_factory=dict)  # win over `env`


@dataclass(frozen=True)
class ImageFacts:
    """What a built image says about itself."""

    healthcheck: bool = False
    ports: tuple[int, ...] = ()  # EXPOSEd
