"""A webhook that proved itself, or a look at a repository, on its way into the books. Nouns only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.delivery.run import NewRun
from pipeline.errors import Unreachable
from pipeline.intake.sight import Move

ANSWER_WITHIN = 6.0  # seconds; GitLab hangs up after 10 and turns a hook off that fails again and again
SWEEP = "sweep"  # stands for the forge when it was Shipway that looked


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Needless:
    """Runs of a service's merge request that are not over need not go on."""

    service: str
    merge_request: int
    why: str


@dataclass(frozen=True)
class NewDelivery:
    """An authentic webhook and what `intake.decide` made of it. `runs` empty: ignored, and `ignored` says why. `moves`:
    every ref it told of that an environment takes, also those that asked to be skipped. `actor` did `action`, says the
    audit; empty: somebody else writes that."""

    forge: str
    key: str
    event: str
    project: str
    headers: Mapping[str, str]
    body: bytes
    runs: tuple[NewRun, ...] = ()
    ignored: str = ""
    services: tuple[str, ...] = ()  # whose secret proved it
    moves: tuple[Move, ...] = ()
    replay_of: int | None = None
    actor: str = ""
    action: str = ""
    needless: tuple[Needless, ...] = ()


def not_written(seconds: float) -> Unreachable:
    """What a sender is told who waited so long."""
    return Unreachable(
        f"The database did not take a write within {seconds:g} s. It may yet: send it again to be "
        "sure; what was taken is not taken twice. A process that is frozen inside a transaction does this."
    )


@dataclass(frozen=True)
class Received:
    """`runs` and `ignored` are those of the first time when `duplicate`. `changed`: the first time its key told of
    another event, or of another commit for the same environment. `targets`: service/environment of each run, known to
    the flow that made them; stores leave it empty. `fresh`: runs to wake; others were superseded at once."""

    id: int
    runs: tuple[int, ...]
    ignored: str = ""
    duplicate: bool = False
    changed: bool = False
    targets: tuple[str, ...] = ()
    fresh: tuple[int, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """A row of the inbox without its body and headers."""

    id: int
    forge: str
    key: str
    event: str
    project: str
    received_at: datetime
    runs: tuple[int, ...] = ()
    ignored: str = ""
    services: tuple[str, ...] = ()
    replay_of: int | None = None

    @property
    def outcome(self) -> Outcome:
        return Outcome.IGNORED if self.ignored else Outcome.ACCEPTED


@dataclass(frozen=True)
class Kept:
    """All that is kept of one. Headers and body are those of the first one when it is a replay; None: let go."""

    delivery: Delivery
    headers: Mapping[str, str]
    body: bytes | None
    replays: tuple[int, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """Which deliveries; what is empty does not matter. `text` is looked for in what it says and in its runs."""

    service: str = ""
    forge: str = ""
    outcome: str = ""
    text: str = ""
