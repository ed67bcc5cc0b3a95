"""Runs that come back by the clock: a cron expression in a time zone, and when it was due last. Pure.

Cron itself is the `cronsim` package's: it does as Debian's cron does, also when the clocks change. A job of an hour that is
skipped runs right after it, one of an hour that comes twice runs once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LATEST = timedelta(days=1)  # what was missed by more is not made up for
LOOKED_AT = 3  # backwards; one may seem to lie ahead while the clock skips an hour
FIELDS = 5


@dataclass(frozen=True)
class Schedule:
    """A run of `ref` is started. `only_if_changed`: unless its commit has run here and was not red."""

    cron: str
    ref: str
    zone: str = "UTC"
    only_if_changed: bool = False

    @property
    def name(self) -> str:
        """The same as long as it means the same."""
        return f"{self.cron} {self.zone} {self.ref}"


@dataclass(frozen=True)
class Due:
    """A schedule of an environment, and the moment at which it was due last."""

    service: str
    environment: str
    schedule: Schedule
    at: datetime


def last_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The newest moment up to `now`; None: none within the day before it."""
    local = (now + timedelta(seconds=1)).astimezone(ZoneInfo(schedule.zone))
    for found in islice(CronSim(schedule.cron, local, reverse=True), LOOKED_AT):
        due = found.astimezone(UTC)
        if due <= now:
            return due if now - due <= LATEST else None
    return None


def cron(text: str) -> str:
    """Raises ValueError when it is no expression of five fields, or one that never comes."""
    words = " ".join(text.split())
    if len(words.split()) != FIELDS:
        raise ValueError(
            f"{text!r} is not a cron expression; write minute hour day month weekday, such as 0 3 * * *"
        )
    try:
        next(CronSim(words, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{text!r} is not a cron expression: {error or 'it never comes'}") from None
    return words
