"""The states of a deployment: one table, and nothing else changes a status. Decides no event by itself.

`mermaid()` prints the picture of the docs from the table, so that the two cannot differ.
"""

from enum import StrEnum

from pipeline.errors import Conflict
from pipeline.rollout.deployment import FINAL, Status


class Event(StrEnum):
    BEGUN = "begun"
    PREPARED = "prepared"
    PAUSED = "paused"
    RESUMED = "resumed"
    HELD = "held for a person"
    APPROVED = "approved"
    PROMOTED = "promoted"
    EXPIRED = "not approved in time"
    FAILED = "failed"
    HALTED = "halted"  # on_failure: stop
    ABORTED = "aborted"
    CANCELLED = "cancelled"  # aborted while nothing had been touched
    SUPERSEDED = "superseded"
    SUCCEEDED = "succeeded"
    RESTORED = "restored"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.PENDING, Event.BEGUN): Status.PREPARING,
    (Status.PENDING, Event.CANCELLED): Status.CANCELLED,
    (Status.PENDING, Event.SUPERSEDED): Status.SUPERSEDED,
    (Status.PREPARING, Event.PREPARED): Status.ROLLING,
    (Status.PREPARING, Event.FAILED): Status.FAILED,
    (Status.PREPARING, Event.CANCELLED): Status.CANCELLED,
    (Status.PREPARING, Event.SUPERSEDED): Status.SUPERSEDED,
    (Status.ROLLING, Event.PAUSED): Status.PAUSED,
    (Status.ROLLING, Event.HELD): Status.AWAITING_PROMOTION,
    (Status.ROLLING, Event.SUCCEEDED): Status.SUCCEEDED,
    (Status.ROLLING, Event.FAILED): Status.ROLLING_BACK,
    (Status.ROLLING, Event.HALTED): Status.FAILED,
    (Status.ROLLING, Event.ABORTED): Status.ROLLING_BACK,
    (Status.ROLLING, Event.CANCELLED): Status.CANCELLED,
    (Status.ROLLING, Event.SUPERSEDED): Status.SUPERSEDED,
    (Status.PAUSED, Event.RESUMED): Status.ROLLING,
    (Status.PAUSED, Event.FAILED): Status.ROLLING_BACK,
    (Status.PAUSED, Event.HALTED): Status.FAILED,
    (Status.PAUSED, Event.ABORTED): Status.ROLLING_BACK,
    (Status.PAUSED, Event.CANCELLED): Status.CANCELLED,
    (Status.AWAITING_PROMOTION, Event.APPROVED): Status.ROLLING,
    (Status.AWAITING_PROMOTION, Event.PROMOTED): Status.ROLLING,
    (Status.AWAITING_PROMOTION, Event.EXPIRED): Status.ROLLING_BACK,
    (Status.AWAITING_PROMOTION, Event.PAUSED): Status.PAUSED,
    (Status.AWAITING_PROMOTION, Event.FAILED): Status.ROLLING_BACK,
    (Status.AWAITING_PROMOTION, Event.HALTED): Status.FAILED,
    (Status.AWAITING_PROMOTION, Event.ABORTED): Status.ROLLING_BACK,
    (Status.ROLLING_BACK, Event.RESTORED): Status.ROLLED_BACK,
    (Status.ROLLING_BACK, Event.FAILED): Status.ROLLING_BACK,  # a rollback is never itself rolled back
    (Status.ROLLING_BACK, Event.ABORTED): Status.FAILED,  # a person gave up on a blocked one
}


def move(status: Status, event: Event) -> Status:
    if (status, event) not in TRANSITIONS:
        raise Conflict(f"A deployment that is {status} cannot be {event}.")
    return TRANSITIONS[(status, event)]


def mermaid() -> str:
    """A mermaid state diagram of the whole table, in the table's order."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PENDING}"]
    lines += [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    lines += [f"    {status} --> [*]" for status in Status if status in FINAL]
    return "\n".join(lines) + "\n"
