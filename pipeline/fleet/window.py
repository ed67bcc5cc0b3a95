"""When an environment takes deployments: windows that come back each week, and freezes from one moment to another. Pure.

Texts are read here for shipway.yml and for people alike. Local times are of a named zone, so a window keeps its hours when
the clocks change. Never asks what time it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLOCK = r"([01]?\d|2[0-3]):([0-5]\d)|(24):(00)"
SHAPE = re.compile(rf"(?:(\S+)\s+)?((?:{CLOCK}))\s*-\s*((?:{CLOCK}))(?:\s+(\S+))?")
HOUR = re.compile(r"(\d{1,2}):(\d\d)")
SPAN = re.compile(r"(\d{1,4})\s*(m|h|d)")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
AS_WRITTEN = "Mon-Thu 09:00-17:00, or with a time zone: Mon-Fri 09:00-17:00 Asia/Shanghai"
DAY = 24 * 60  # minutes
LONGEST = timedelta(days=366)
MOST_STEPS = 1000


@dataclass(frozen=True)
class Window:
    """Open on these days (0 is Monday) from `start` to `end`, minutes of the day. An end that is not after the start is of
    the next day."""

    days: frozenset[int]
    start: int
    end: int
    zone: str = "UTC"

    def spans(self, around: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
        """(opens, closes) from the day before `around` on, for so many days."""
        zone = ZoneInfo(self.zone)
        first = around.astimezone(zone).date() - timedelta(days=1)
        for day in (first + timedelta(days=at) for at in range(days + 1)):
            if day.weekday() in self.days:
                over = self.end <= self.start
                yield _moment(day, self.start, zone), _moment(day, self.end + DAY * over, zone, fold=1)

    def is_open(self, now: datetime) -> bool:
        return any(opens <= now < closes for opens, closes in self.spans(now, 1))

    def next_opening(self, now: datetime) -> datetime:
        return min(opens for opens, _ in self.spans(now, 8) if opens > now)


@dataclass(frozen=True)
class Freeze:
    """No deployment from `since` to `until`. One that a person set has an `id`, and may be of all services (empty)."""

    since: datetime
    until: datetime
    why: str = ""
    id: int = 0
    service: str = ""
    environment: str = ""
    by: str = ""
    lifted_at: datetime | None = None
    lifted_by: str = ""

    def is_of(self, service: str, environment: str) -> bool:
        return self.environment == environment and self.service in ("", service)

    def covers(self, now: datetime) -> bool:
        return self.since <= now < self.until


@dataclass(frozen=True)
class Hold:
    """Why nothing is deployed now, and until when; `until` None: within a year no moment is free."""

    why: str
    until: datetime | None


def hold_of(windows: Sequence[Window], freezes: Sequence[Freeze], now: datetime, zone: str) -> Hold | None:
    """None: deployments may go. `zone` is what people read the time in."""
    frozen = next((freeze for freeze in freezes if freeze.covers(now)), None)
    if frozen is None and _open(windows, now):
        return None
    until = _free(windows, freezes, now)
    when = said(until, zone) if until else "no day of the coming year"
    if frozen is None:
        return Hold(f"waits for the window that opens {when}", until)
    reason = f": {frozen.why}" if frozen.why else ""
    end = said(frozen.until, zone)
    later = f"; the next open window begins {when}" if until != frozen.until else ""
    return Hold(f"waits for the end of the freeze{reason} ({end}){later}", until)


def said(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone}"


def read_window(text: str, zone: str = "") -> Window:
    """`Mon-Thu 09:00-17:00 Asia/Shanghai`; without days: all; without a zone: `zone`. Raises ValueError."""
    match = SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a window; write {AS_WRITTEN}")
    days, own = match[1], match[12]
    start, end = (sum(int(part) * unit for part, unit in zip(found.split(":"), (60, 1), strict=True))
                  for found in (match[2], match[7]))  # fmt: skip
    if start == end:
        raise ValueError(f"{text!r} opens and closes at the same time; a whole day is 00:00-24:00")
    return Window(_days(days or "Mon-Sun"), start, end, zone_name(own) if own else zone)


def read_moment(text: str, zone: str, now: datetime | None = None) -> datetime:
    """`2026-12-24T18:00`, with an offset or in `zone`. With `now` also `18:00`, the next one, and `90m`, `2h`, `3d` from
    now. Raises ValueError."""
    text, place = text.strip(), ZoneInfo(zone)
    if now and (match := SPAN.fullmatch(text)):
        return now + int(match[1]) * UNITS[match[2]]
    if now and (match := HOUR.fullmatch(text)) and int(match[1]) < 24 and int(match[2]) < 60:
        today = now.astimezone(place).date()
        minutes = int(match[1]) * 60 + int(match[2])
        found = (_moment(today + timedelta(days=ahead), minutes, place) for ahead in (0, 1))
        return next(moment for moment in found if moment > now)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        short = " or 18:00, 90m, 2h, 3d" if now else ""
        raise ValueError(f"{text!r} is not a moment; write 2026-12-24T18:00{short}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=place)).astimezone(UTC)


def zone_name(text: str) -> str:
    """Raises ValueError when nobody knows it."""
    try:
        ZoneInfo(text)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError with a ValueError's manners
        raise ValueError(_no_zone(text)) from None
    except KeyError:
        raise ValueError(_no_zone(text)) from None
    return text


def _no_zone(text: str) -> str:
    return f"there is no time zone {text[:60]!r}; write UTC or a name such as Asia/Shanghai"


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found |= {day % 7 for day in range(begin, end + 1 + 7 * (end < begin))}
    return frozenset(found)


def _day(text: str) -> int:
    names = [name.lower() for name in DAYS]
    if text.lower() not in names:
        raise ValueError(
            f"{text!r} is not a day; write {', '.join(DAYS)}, a range such as Mon-Fri, or several: Mon,Wed"
        )
    return names.index(text.lower())


def _moment(day: date, minutes: int, zone: ZoneInfo, fold: int = 0) -> datetime:
    """Where the clock skips that minute, what it shows instead; where it shows it twice, `fold` says which."""
    day, minutes = day + timedelta(days=minutes // DAY), minutes % DAY
    clock = time(minutes // 60, minutes % 60, tzinfo=zone, fold=fold)
    return datetime.combine(day, clock).astimezone(UTC)


def _open(windows: Sequence[Window], now: datetime) -> bool:
    return not windows or any(window.is_open(now) for window in windows)


def _free(windows: Sequence[Window], freezes: Sequence[Freeze], now: datetime) -> datetime | None:
    """The first moment from `now` on at which nothing holds."""
    at = now
    for _ in range(MOST_STEPS):
        frozen = [freeze.until for freeze in freezes if freeze.covers(at)]
        if not frozen and _open(windows, at):
            return at
        at = max(frozen) if frozen else min(window.next_opening(at) for window in windows)
        if at - now > LONGEST:
            return None
    return None
