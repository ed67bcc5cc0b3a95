"""One trip of one commit through the pipeline. Nouns and their one transition table."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.delivery.report import TestOutcome

BASES = "bases"  # key of a build's detail: `name=digest …`
SCHEDULE = "schedule"  # asks for runs, as a person does


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


OVER = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SUPERSEDED})


class StageName(StrEnum):
    CHECKOUT = "checkout"
    BUILD = "build"
    TEST = "test"
    PUBLISH = "publish"
    DEPLOY = "deploy"


class StageStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


COMMITTED = "committed_at"  # in the detail of the checkout


@dataclass(frozen=True)
class Stage:
    """`detail` holds what later stages or people need: image id, digest, JUnit summary, why it was skipped. `tests`:
    of a test stage that ran something, whatever came of it."""

    name: StageName
    status: StageStatus = StageStatus.PENDING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""
    detail: dict[str, str] = field(default_factory=dict)
    tests: TestOutcome | None = None

    @property
    def attempts(self) -> int:
        return self.tests.attempts if self.tests else 1


ASKED = ("api:", "user:")  # how `requested_by` begins when somebody asked for it


@dataclass(frozen=True)
class NewRun:
    """What intake, a person or the sweep asks for."""

    service: str
    environment: str  # empty: of a merge request, which is built and tested and goes nowhere
    kind: str  # branch | tag | commit | merge_request
    ref: str
    commit: str
    requested_by: str  # push:<author>, api:<token name>, user:<name>, sweep, schedule
    message: str = ""
    merge_request: int = 0  # its number, 0: none
    target: str = ""  # the branch that the merge request would go into
    fork: bool = False  # written by somebody who may not push here: gets no secret

    @property
    def place(self) -> str:
        """Where it goes, for people."""
        return f"merge request {self.merge_request}" if self.merge_request else self.environment


@dataclass(frozen=True)
class Run:
    """A row of the store. `attempt` grows each time a worker takes it up again."""

    id: int
    service: str
    environment: str
    kind: str
    ref: str
    commit: str
    status: RunStatus
    created_at: datetime
    requested_by: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""
    stages: tuple[Stage, ...] = tuple(Stage(name) for name in StageName)
    release: int | None = None
    deployment: int | None = None
    delivery: int | None = None
    attempt: int = 0
    cancel_requested: bool = False
    merge_request: int = 0
    target: str = ""
    fork: bool = False
    waits: bool = False  # published, queued, and not due before somebody approves it
    approved_by: str = ""
    held: str = ""  # the same, but for a window or the end of a freeze, in words
    overridden_by: str = ""  # who let it deploy all the same
    override_reason: str = ""  # in that person's words

    @property
    def place(self) -> str:
        return f"merge request {self.merge_request}" if self.merge_request else self.environment

    def stage(self, name: StageName) -> Stage:
        return next(stage for stage in self.stages if stage.name is name)

    @property
    def image(self) -> str:
        """`repository@digest` as it was published, by this run or by one of the same tree; empty: not yet."""
        return self.stage(StageName.PUBLISH).detail.get("image", "")

    @property
    def asked_for(self) -> bool:
        """By somebody, rather than by a push, a look or a schedule."""
        return self.requested_by.startswith(ASKED)

    @property
    def bases(self) -> dict[str, str]:
        """Which image each base was when it was built on: its digest, `id:…` of one without, empty: nobody knows."""
        parts = (part.rpartition("=") for part in self.stage(StageName.BUILD).detail.get(BASES, "").split())
        return {name: digest for name, _, digest in parts}

    @property
    def over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True)
class RunSummary:
    """How a run stands or ended, without its stages: for lists of many places."""

    id: int
    status: RunStatus
    finished_at: datetime | None = None
    error: str = ""
