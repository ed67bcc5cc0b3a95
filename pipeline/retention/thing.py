"""What piles up in the places that Shipway uses, and what was decided about each piece. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    IMAGE = "image"  # on a host
    CONTAINER = "container"
    BUILD = "build"  # a run's image on the builder
    CACHE = "cache"  # BuildKit's, all of it
    TREE = "work tree"
    MIRROR = "mirror"
    LOG = "log"
    ARTIFACT = "artifacts"  # of one run's tests, all of them
    MANIFEST = "manifest"  # in the registry: the image and all its tags


@dataclass(frozen=True)
class Thing:
    """`name` is how its shelf knows it; `label` is for people. What a shelf cannot know stays empty."""

    kind: Kind
    where: str
    name: str
    label: str
    size: int | None = None  # bytes; layers that others share are counted in each
    at: datetime | None = None  # made, or used last
    service: str = ""
    environment: str = ""
    release: int = 0
    run: int = 0
    references: tuple[str, ...] = ()  # of an image: `repository:tag` and `repository@sha256:…`
    digests: frozenset[str] = frozenset()  # sha256:…
    used: bool = False  # it runs, a container uses it, the operator's file names it
    mine: bool = False  # it carries this installation's mark
    other: str = ""  # another installation's mark
    locked: str = ""  # why its place lets nobody remove it


@dataclass(frozen=True)
class Verdict:
    """`references`: the names of an image that go; those that others gave stay. `frees`: bytes, at most."""

    thing: Thing
    goes: bool
    why: str
    references: tuple[str, ...] = ()
    frees: int = 0


@dataclass(frozen=True)
class Made:
    """Which release an image in the registry is."""

    service: str
    number: int
    rank: int  # 0: the service's newest
    at: datetime | None


@dataclass(frozen=True)
class Place:
    """One environment of a service, as the books have it. `works`: the deployment that is not over; 0: none."""

    live: int | None = None
    last_good: int | None = None
    works: int = 0


@dataclass(frozen=True)
class Need:
    """What the books need. `images`: `repository@digest` and why. `repositories`: ours alone, and of which service."""

    images: Mapping[str, str] = field(default_factory=dict)
    runs: frozenset[int] = frozenset()  # not over
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    repositories: Mapping[str, str] = field(default_factory=dict)
    last_run: int | None = None  # the newest that there ever was; None: nobody looked

    @cached_property
    def digests(self) -> dict[str, str]:
        return {image.partition("@")[2]: why for image, why in self.images.items()}

    @cached_property
    def services(self) -> frozenset[str]:
        return frozenset(self.repositories.values())
