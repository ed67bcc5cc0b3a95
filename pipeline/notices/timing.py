"""RULE: when a notice may go out, and what goes out together. Pure.

Quiet hours hold; what comes in a storm becomes one message; no place is sent more than it takes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.notices.notice import Notice, Quiet

MINUTE = timedelta(minutes=1)
MOST = 15  # messages a minute to one target; DingTalk and WeCom stop a robot after 20
BREATH = 15.0  # seconds until a target that had them is looked at again
LONGEST_PAUSE = 300.0  # seconds between two attempts
GIVE_UP_AFTER = timedelta(days=3)


def quiet_until(quiet: Quiet | None, event: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` lies in; None: it may be told."""
    if quiet is None or event in quiet.but or quiet.begin == quiet.end:
        return None
    place = ZoneInfo(quiet.timezone)
    local = now.astimezone(place)
    clock = local.time().replace(tzinfo=None)
    day = local.date()
    if quiet.begin < quiet.end:
        inside = quiet.begin <= clock < quiet.end
    else:
        inside = clock >= quiet.begin or clock < quiet.end
        day += timedelta(days=clock >= quiet.begin)
    if not inside:
        return None
    return datetime.combine(day, quiet.end, tzinfo=place).astimezone(UTC)


def batches(due: Sequence[Notice], spent: int) -> list[tuple[Notice, ...]]:
    """What goes out as one message each, the oldest first, when `spent` messages went to this target within the last
    minute. What quiet hours held is one; the last that the minute has room for takes all that is left."""
    room = max(0, MOST - spent)
    held = tuple(notice for notice in due if notice.held)
    found = [held] if held else []
    found += [(notice,) for notice in due if not notice.held]
    if len(found) > room:
        kept = found[: max(0, room - 1)]
        rest = tuple(notice for batch in found[len(kept) :] for notice in batch)
        return [*kept, rest] if room else []
    return found


def pause(tries: int, number: int) -> float:
    """Seconds to the next attempt: longer each time, and not the same for all."""
    spread = 0.75 + (number * 37 % 100) / 200
    return min(LONGEST_PAUSE, 2.0 ** min(tries, 10)) * spread


def is_hopeless(notice: Notice, now: datetime) -> bool:
    return now - notice.at > GIVE_UP_AFTER
