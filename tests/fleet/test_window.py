"""When deployments may begin: windows of the week, freezes, and clocks that change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipeline.fleet.window import Freeze, hold_of, read_moment, read_window, said

SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
OFFICE = read_window("Mon-Thu 09:00-17:00 Asia/Shanghai")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        ("Mon-Thu 09:00-17:00", "2026-11-26T09:00", True),
        ("Mon-Thu 09:00-17:00", "2026-11-26T08:59:59", False),
        ("Mon-Thu 09:00-17:00", "2026-11-26T16:59:59", True),
        ("Mon-Thu 09:00-17:00", "2026-11-26T17:00", False),
        ("Mon-Thu 09:00-17:00", "2026-11-27T12:00", False),
        ("Fri,Sun 10:00-11:00", "2026-11-29T10:30", True),
        ("Fri,Sun 10:00-11:00", "2026-11-28T10:30", False),
        ("Sat-Mon 10:00-11:00", "2026-11-30T10:30", True),
        ("Sat-Mon 10:00-11:00", "2026-12-01T10:30", False),
        ("Fri 22:00-02:00", "2026-11-28T01:59", True),
        ("Fri 22:00-02:00", "2026-11-27T01:59", False),
        ("Sun 00:00-24:00", "2026-11-29T23:59", True),
        ("Sun 00:00-24:00", "2026-11-30T00:00", False),
        ("09:00-17:00", "2026-11-29T12:00", True),
    ],
)
def test_window_is_open_on_its_days_from_its_start_until_its_end(window, moment, is_open):
    assert read_window(window, "UTC").is_open(at(moment)) is is_open


def test_window_keeps_its_local_hours_when_the_clocks_change():
    window = read_window("Sun 09:00-10:00 Europe/Berlin")

    assert window.is_open(at("2026-03-22T08:30")) is True  # winter: UTC+1
    assert window.is_open(at("2026-03-29T08:30")) is False  # the day of the change: UTC+2
    assert window.next_opening(at("2026-03-28T12:00")) == at("2026-03-29T07:00")


def test_start_that_the_clock_skips_is_when_it_would_have_been():
    window = read_window("Sun 02:30-04:00 America/New_York")  # 2026-03-08 goes from 02:00 to 03:00

    assert window.next_opening(at("2026-03-08T00:00", NEW_YORK)) == at("2026-03-08T07:30")


def test_hour_that_comes_twice_is_within_twice():
    window = read_window("Sun 01:00-02:00 America/New_York")  # 2026-11-01: 01:30 is 05:30 and 06:30 UTC

    assert [window.is_open(at(f"2026-11-01T0{hour}:30")) for hour in (4, 5, 6, 7)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "said_of_it"),
    [
        ("sometimes", "is not a window; write Mon-Thu 09:00-17:00"),
        ("Mon 9-17", "is not a window"),
        ("Mon 25:00-26:00", "is not a window"),
        ("Mon 10:00-10:00", "a whole day is 00:00-24:00"),
        ("Mo 10:00-11:00", "'Mo' is not a day; write Mon, Tue"),
        (
            "Mon 10:00-11:00 Shanghai",
            "there is no time zone 'Shanghai'; write UTC or a name such as Asia/Shanghai",
        ),
        ("Mon 10:00-11:00 ../../etc", "there is no time zone"),
    ],
)
def test_what_is_no_window_is_told(text, said_of_it):
    with pytest.raises(ValueError, match=said_of_it.replace("/", ".")):
        read_window(text, "UTC")


def test_outside_the_windows_it_waits_for_the_next():
    friday = at("2026-11-27T12:00", SHANGHAI)

    hold = hold_of([OFFICE], [], friday, SHANGHAI)

    assert hold.why == "waits for the window that opens Mon 2026-11-30 09:00 Asia/Shanghai"
    assert hold.until == at("2026-11-30T01:00")


@pytest.mark.parametrize("windows", [[], [OFFICE], [OFFICE, read_window("Fri 12:00-13:00", SHANGHAI)]])
def test_nothing_holds_when_any_window_is_open(windows):
    assert hold_of(windows, [], at("2026-11-26T12:00", SHANGHAI), SHANGHAI) is None


def test_freeze_says_why_and_when_deployments_go_again():
    freeze = Freeze(at("2026-12-24T00:00"), at("2027-01-02T09:00"), "Christmas")

    hold = hold_of([], [freeze], at("2026-12-25T12:00"), "UTC")

    assert hold.why == "waits for the end of the freeze: Christmas (Sat 2027-01-02 09:00 UTC)"
    assert hold.until == freeze.until
    assert hold_of([], [freeze], freeze.until, "UTC") is None
    assert hold_of([], [freeze], freeze.since - timedelta(seconds=1), "UTC") is None


def test_after_a_freeze_the_window_must_open_too():
    freeze = Freeze(at("2026-11-30T00:00"), at("2026-12-04T12:00"))

    hold = hold_of([OFFICE], [freeze], at("2026-12-01T02:00"), "UTC")

    assert hold.until == at("2026-12-07T01:00")
    assert "next open window begins Mon 2026-12-07 01:00 UTC" in hold.why


def test_window_that_only_opens_within_freezes_is_told_as_never():
    freeze = Freeze(at("2026-01-01T00:00"), at("2029-01-01T00:00"), "closed")

    hold = hold_of([OFFICE], [freeze], at("2026-12-01T02:00"), "UTC")

    assert (hold.until, "no day of the coming year" in hold.why) == (None, True)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:00", "2026-11-27T18:00"),
        ("11:59", "2026-11-28T11:59"),
        ("90m", "2026-11-27T13:30"),
        ("2h", "2026-11-27T14:00"),
        ("3d", "2026-11-30T12:00"),
        ("2026-12-24T18:00", "2026-12-24T18:00"),
        ("2026-12-24 18:00", "2026-12-24T18:00"),
        ("2026-12-24", "2026-12-24T00:00"),
    ],
)
def test_moment_as_people_write_it(text, moment):
    assert read_moment(text, SHANGHAI, at("2026-11-27T12:00", SHANGHAI)) == at(moment, SHANGHAI)


def test_moment_with_an_offset_needs_no_zone():
    assert read_moment("2026-12-24T18:00+01:00", SHANGHAI) == at("2026-12-24T17:00")


@pytest.mark.parametrize("text", ["tomorrow", "25:00", "18:00", "2h"])
def test_what_is_no_moment_is_told(text):
    with pytest.raises(ValueError, match=r"is not a moment; write 2026-12-24T18:00$"):
        read_moment(text, "UTC")


def test_moments_are_said_in_the_readers_zone():
    assert said(at("2026-11-30T01:00"), SHANGHAI) == "Mon 2026-11-30 09:00 Asia/Shanghai"
