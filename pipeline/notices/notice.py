"""What people are told, whom, and when not. Nouns only.

A `Moment` is what the database wrote down by itself when something changed; a `Notice` is what one place is told of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from pipeline.secret import Secret

TEST = "test"  # the event of `shipway notices test`


class Event(StrEnum):
    """What one may want to be told of."""

    DEPLOY_SUCCEEDED = "deploy.succeeded"
    DEPLOY_FAILED = "deploy.failed"
    DEPLOY_ROLLED_BACK = "deploy.rolled_back"
    DEPLOY_BLOCKED = "deploy.blocked"
    RUN_FAILED = "run.failed"
    RUN_RECOVERED = "run.recovered"
    APPROVAL_WANTED = "approval.wanted"
    HOST_LOST = "host.lost"
    HOST_BACK = "host.back"
    REPOSITORY_LOST = "repository.lost"
    REPOSITORY_BACK = "repository.back"
    HOOK_DISABLED = "hook.disabled"
    REGION_OUT = "region.out"
    REGION_BACK = "region.back"
    REGIONS_BLIND = "regions.blind"
    BACKUP_FAILED = "backup.failed"


class Mood(StrEnum):
    """The colour, where a service has colours."""

    GOOD = "good"
    BAD = "bad"
    ASKS = "asks"


MOODS: Mapping[str, Mood] = {
    Event.DEPLOY_SUCCEEDED: Mood.GOOD,
    Event.RUN_RECOVERED: Mood.GOOD,
    Event.HOST_BACK: Mood.GOOD,
    Event.REPOSITORY_BACK: Mood.GOOD,
    Event.REGION_BACK: Mood.GOOD,
    Event.APPROVAL_WANTED: Mood.ASKS,
    TEST: Mood.GOOD,
}


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Quiet:
    """Hours of the day, in the place's own time; over midnight when `begin` is later than `end`."""

    begin: time
    end: time
    timezone: str = "UTC"
    but: frozenset[str] = frozenset()  # events that are told all the same


@dataclass(frozen=True)
class Target:
    """One address of Apprise. `label` tells it from others and gives nothing away."""

    url: Secret
    label: str


@dataclass(frozen=True)
class Rule:
    """Who is told what. Empty: all."""

    name: str
    to: tuple[Target, ...]
    services: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    quiet: Quiet | None = None
    language: Language = Language.EN
    fold: float = 300.0  # seconds within which the same is told once more at most


@dataclass(frozen=True)
class Moment:
    """A row that a trigger wrote. `kind` is the table's word and the new state: run.failed, deployment.rolled_back."""

    id: int
    kind: str
    at: datetime
    service: str = ""
    environment: str = ""
    number: int = 0
    name: str = ""  # of a host; of an entrance, or of one region of it: shop/hz
    why: str = ""  # when no other row says it


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Text:
    """One notice in words: the verdict in one sentence, what helps to judge it, the last lines of the log, where to go."""

    title: str
    facts: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    mood: Mood = Mood.BAD


@dataclass(frozen=True)
class Draft:
    """A notice before it has a place in the book. Those of one `fold` and target become one; empty: never."""

    rule: str
    target: str
    event: str
    subject: str  # shop/production, or a host
    fold: str
    body: str
    at: datetime
    not_before: datetime
    held: bool = False  # by quiet hours
    window: float = 0.0


class Fate(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True)
class Notice:
    """A row of the book. `count`: of how many it is made."""

    id: int
    rule: str
    target: str
    event: str
    subject: str
    body: str
    at: datetime
    due_at: datetime
    fate: Fate = Fate.WAITING
    count: int = 1
    held: bool = False
    tries: int = 0
    error: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True)
class Message:
    """Ready for a service: it takes the one of the two that it can show."""

    title: str
    plain: str
    markdown: str
    mood: Mood = Mood.BAD
    links: tuple[Link, ...] = field(default=())
