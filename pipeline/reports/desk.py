"""What the flow that tells forges needs: its ports, and the bag of them. The contract of `pipeline.ports` holds here too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.books import Deployments, Leases, Runs
from pipeline.fleet.service import Repository
from pipeline.lease import Lease
from pipeline.ports import Clock, Hands
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, Message, Trouble
from pipeline.settings import Settings


class Reporter(Protocol):
    """A forge that shows what became of a commit. `known` is what the same method answered the last time, empty at
    first; the answer is kept and given back the next time. Texts are cut to what the forge takes. Raises `Unreachable`
    when trying again may help, `Rejected` when it will not."""

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        """Set one line beside the commit. `known` comes from any line of the same run."""

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        """Enter a deployment in the environment's list, or change the one that is `known`. A forge without such a
        list does nothing."""

    def comment(self, repository: Repository, comment: Comment) -> None:
        """Write it on the open and merged merge requests of the commit, over the one with the same marker. A forge
        on which that is not done does nothing."""


class Outbox(Protocol):
    """Changes that no forge was told of. The database itself adds a row in the transaction that changes a run's or
    deployment's status or stages, so none is forgotten."""

    def waiting(self, now: datetime, limit: int = 500) -> list[Message]:
        """The oldest changes first, as one message for each run or deployment; none of a service of which one has to
        wait until later than `now`."""

    def next_try(self, now: datetime) -> datetime | None:
        """When the first of those is to be tried again."""

    def save(self, message: Message, over: bool, lease: Lease) -> None:
        """How far it came. `over`: all changes that it covers are dealt with. Raises `Stopped`."""

    def drop(self, message: Message, lease: Lease) -> None:
        """Nobody is to be told."""

    def busy(self) -> bool:
        """Is any run or deployment not over? Then changes are on their way."""

    def troubles(self) -> list[Trouble]:
        """Of each service the last message, when it ended in an error; none older than a week."""


@dataclass(frozen=True)
class Desk:
    """One bag, built in `wiring`."""

    settings: Settings
    outbox: Outbox
    runs: Runs
    deployments: Deployments
    leases: Leases
    reporters: Mapping[str, Reporter]  # by forge
    hands: Hands
    clock: Clock
