"""When a schedule was due last: cron's rules, in its own time zone, also when the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.fleet.schedule import Schedule, cron, last_due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "now", "due"),
    [
        ("0 3 * * *", "UTC", "2026-11-27T03:00:00", "2026-11-27T03:00"),
        ("0 3 * * *", "UTC", "2026-11-27T02:59:59.9", "2026-11-26T03:00"),
        ("0 3 * * *", "Asia/Shanghai", "2026-11-27T12:00", "2026-11-26T19:00"),
        ("*/15 * * * *", "UTC", "2026-11-27T12:44", "2026-11-27T12:30"),
        ("0 9 * * mon", "UTC", "2026-11-30T10:00", "2026-11-30T09:00"),
    ],
)
def test_last_due_is_the_newest_moment_up_to_now(expression, zone, now, due):
    assert last_due(Schedule(expression, "main", zone), at(now)) == at(due)


def test_what_was_missed_by_more_than_a_day_is_not_due():
    schedule = Schedule("0 9 * * mon", "main")

    assert last_due(schedule, at("2026-12-01T09:00")) == at("2026-11-30T09:00")
    assert last_due(schedule, at("2026-12-01T09:00:01")) is None


def moments(schedule: Schedule, since: str, until: str) -> list[str]:
    """Every moment that a scheduler finds that looks each minute."""
    now, found = at(since), []
    while now <= at(until):
        due = last_due(schedule, now)
        if due is not None and due >= at(since) and due not in found:
            found.append(due)
        now += timedelta(minutes=1)
    return [f"{due:%dT%H:%M}" for due in found]


def test_hour_that_the_clock_skips_is_made_up_for_once():
    schedule = Schedule("30 2 * * *", "main", "Europe/Berlin")  # 2026-03-29 goes from 02:00 to 03:00

    assert len(moments(schedule, "2026-03-28T22:00", "2026-03-29T12:00")) == 1


def test_hour_that_comes_twice_is_obeyed_once():
    schedule = Schedule("30 2 * * *", "main", "Europe/Berlin")  # 2026-10-25 has 02:30 twice

    assert moments(schedule, "2026-10-24T22:00", "2026-10-25T12:00") == ["25T00:30"]


def test_hours_stay_where_people_see_them_when_the_clocks_change():
    schedule = Schedule("0 9 * * *", "main", "Europe/Berlin")

    assert moments(schedule, "2026-03-28T07:30", "2026-03-29T08:30") == ["28T08:00", "29T07:00"]


@pytest.mark.parametrize("text", ["0 3 * * *", " 0  3 * * 1-5 ", "*/5 0-3 1,15 * *", "0 0 L * *"])
def test_five_fields_are_an_expression(text):
    assert cron(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "text", ["", "nightly", "@daily", "0 3 * *", "0 0 3 * * *", "60 3 * * *", "0 0 31 2 *"]
)
def test_what_is_none_is_told(text):
    with pytest.raises(ValueError, match="is not a cron expression"):
        cron(text)
