"""When a notice may go out, and what goes out together."""

from datetime import UTC, datetime, time, timedelta

import pytest

from pipeline.notices.notice import Notice, Quiet
from pipeline.notices.timing import (
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    MOST,
    batches,
    is_hopeless,
    pause,
    quiet_until,
)

NIGHT = Quiet(time(22), time(8), "Asia/Shanghai", frozenset({"deploy.blocked"}))
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (utc(1, 13, 59), None),  # 21:59
        (utc(1, 14), utc(2, 0)),  # 22:00, until 08:00 of the next day
        (utc(1, 15, 59), utc(2, 0)),  # 23:59
        (utc(1, 16), utc(2, 0)),  # 00:00, of the same day
        (utc(1, 23, 59), utc(2, 0)),  # 07:59
        (utc(2, 0), None),  # 08:00
    ],
)
def test_quiet_hours_over_midnight_are_the_places_own(now: datetime, until: datetime | None):
    assert quiet_until(NIGHT, "deploy.failed", now) == until


def test_quiet_hours_by_day():
    lunch = Quiet(time(12), time(13, 30))

    assert quiet_until(lunch, "run.failed", utc(1, 12, 10)) == utc(1, 13, 30)
    assert quiet_until(lunch, "run.failed", utc(1, 11, 59)) is None


def test_a_night_in_which_the_clock_changes_ends_when_the_wall_clock_says():
    night = Quiet(time(22), time(8), "Europe/Berlin")

    assert quiet_until(night, "run.failed", utc(28, 22)) == utc(29, 6)  # summer time from 29 March on


@pytest.mark.parametrize("quiet", [None, Quiet(time(8), time(8)), NIGHT])
def test_without_quiet_hours_or_for_what_is_excepted_it_is_told(quiet: Quiet | None):
    assert quiet_until(quiet, "deploy.blocked", utc(1, 15)) is None


def notice(number: int, held: bool = False) -> Notice:
    return Notice(number, "all", "x:1", "run.failed", "shop", "{}", NOON, NOON, held=held)


def numbers(found: list[tuple[Notice, ...]]) -> list[list[int]]:
    return [[one.id for one in batch] for batch in found]


def test_each_goes_out_by_itself():
    assert numbers(batches([notice(1), notice(2)], 0)) == [[1], [2]]


def test_what_quiet_hours_held_goes_out_as_one():
    due = [notice(1, True), notice(2), notice(3, True)]

    assert numbers(batches(due, 0)) == [[1, 3], [2]]


def test_the_last_message_of_a_minute_takes_all_that_is_left():
    found = batches([notice(n) for n in range(1, 101)], MOST - 2)

    assert numbers(found) == [[1], list(range(2, 101))]


def test_a_target_that_had_its_share_waits():
    assert batches([notice(1)], MOST) == []
    assert batches([], 0) == []


def test_pauses_grow_to_a_bound_and_are_not_the_same_for_all():
    assert pause(1, 1) < pause(3, 1) < pause(9, 1)
    assert pause(60, 1) <= LONGEST_PAUSE * 1.25
    assert pause(3, 1) != pause(3, 2)


def test_news_is_given_up_after_three_days():
    assert not is_hopeless(notice(1), NOON + GIVE_UP_AFTER)
    assert is_hopeless(notice(1), NOON + GIVE_UP_AFTER + timedelta(seconds=1))
