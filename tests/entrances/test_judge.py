"""When a region goes out, when it comes back, and when nothing may be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.entrances.entrance import HealthRule, Sight, Standing
from pipeline.entrances.judge import judge, sight_of

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULE = HealthRule("https://shop.example.com", interval=10, out_after=3, in_after=2, hold=60)
SHARES = {"a": 50, "b": 30, "c": 20}


class Story:
    """Looks ten seconds apart; what was told of each."""

    def __init__(self, rule=RULE, shares=SHARES, **standings):
        self.rule, self.shares, self.now = rule, shares, NOON
        self.standings = standings
        self.verdict = None

    def look(self, *sick, times=1):
        for _ in range(times):
            sights = [
                Sight(name, name not in sick, "refused" if name in sick else "") for name in self.shares
            ]
            self.verdict = judge(self.rule, self.standings, sights, self.shares, self.now)
            self.standings = {one.region: one for one in self.verdict.standings}
            self.now += timedelta(seconds=10)
        return self

    @property
    def out(self):
        return sorted(name for name, one in self.standings.items() if one.out)


def test_so_many_bad_looks_in_a_row_take_a_region_out():
    story = Story().look("a", times=2)
    before = story.out
    story.look("a")

    assert before == []
    assert story.verdict.went == ("a",)
    assert story.standings["a"].why == "refused"


def test_one_good_look_in_between_begins_anew():
    assert Story().look("a", times=2).look().look("a", times=2).out == []


def test_a_region_comes_back_after_good_looks_and_not_before_the_hold_is_over():
    story = Story().look("a", times=3).look(times=4)
    held = story.out
    story.look(times=2)

    assert held == ["a"]
    assert story.verdict.came == ("a",)
    assert story.out == []


def test_a_region_that_flaps_changes_at_most_once_in_the_hold():
    story, changes = Story(), 0
    for _ in range(30):
        changes += len(story.look("a", times=3).verdict.went) + len(story.look(times=2).verdict.came)

    assert changes <= 30 * 50 / 60 + 1


def test_when_all_look_sick_nothing_changes_and_that_is_said():
    story = Story().look("a", "b", "c", times=10)

    assert story.out == []
    assert "the way from here" in story.verdict.blind
    assert [one.bad for one in story.standings.values()] == [0, 0, 0]


def test_the_last_that_serves_is_not_taken_out():
    story = Story(shares={"a": 50, "b": 50}).look("a", times=3).look("a", "b", times=10)

    assert story.out == ["a"]
    assert story.verdict.blind


def test_a_parked_region_does_not_count_as_one_that_serves():
    story = Story(shares={"a": 50, "b": 50}, a=Standing("a", parked=True)).look("b", times=10)

    assert story.out == []
    assert story.verdict.blind == "b is the last that serves and looks sick (refused); it is not taken out"


def test_a_region_without_a_share_saves_nobody():
    assert Story(shares={"a": 100, "b": 0}).look("a", times=10).out == []


def test_no_more_go_at_once_than_a_change_may_touch():
    shares = dict.fromkeys("abcdefgh", 10)
    story = Story(shares=shares).look(*"abcd", times=3)
    first = story.out
    story.look(*"abcd")

    assert len(first) == 2
    assert len(story.out) == 4


def test_a_region_that_stays_sick_is_told_once():
    assert Story().look("a", times=4).verdict.went == ()


@pytest.mark.parametrize(
    ("own", "others", "members", "well"),
    [
        ("", [], "", True),
        ("refused", [], "", False),
        ("refused", ["", ""], "", True),
        ("refused", ["refused"], "", False),
        ("", ["refused", "refused"], "", False),
        ("", ["refused"], "", True),
        ("", ["", ""], "no member serves", False),
    ],
)
def test_outside_the_majority_decides_and_the_load_balancer_always(own, others, members, well):
    assert sight_of("a", own, others, members).well is well
