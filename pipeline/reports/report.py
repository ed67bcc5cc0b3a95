"""What a forge is told of a run or a deployment, and how far it has been told. Nouns only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Noun(StrEnum):
    RUN = "run"
    DEPLOYMENT = "deployment"


class State(StrEnum):
    """In our words; each forge has its own."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CommitStatus:
    """One line beside a commit. The forge keeps the newest of each `context`."""

    commit: str
    ref: str  # branch or tag; empty: it was asked for by its id
    context: str  # shipway/build
    state: State
    text: str
    link: str


@dataclass(frozen=True)
class EnvironmentStatus:
    """One release on its way onto an environment, or back. `ref` is a tag when `tag`."""

    commit: str
    ref: str
    tag: bool
    environment: str
    state: State
    address: str = ""  # where users find it


@dataclass(frozen=True)
class Comment:
    """Written once on each merge request of the commit, then edited: `marker` finds it again."""

    commit: str
    marker: str
    text: str


Report = CommitStatus | EnvironmentStatus | Comment


@dataclass(frozen=True)
class Said:
    """The last that the forge took under one key: the report as text, and what the forge calls it."""

    report: str
    known: str = ""


@dataclass(frozen=True)
class Message:
    """A run or deployment that changed, and all that its forge was told of it. However often it changed, it is one
    message; `change` is the newest that it covers."""

    noun: Noun
    number: int
    change: int
    service: str
    said: dict[str, Said] = field(default_factory=dict)
    tries: int = 0
    retry_at: datetime | None = None
    since: datetime | None = None  # the oldest change that was not told
    error: str = ""


@dataclass(frozen=True)
class Trouble:
    """Why the forge of a service was not told lately. `final`: that one was given up."""

    service: str
    noun: Noun
    number: int
    at: datetime
    error: str
    final: bool
