"""Whether a group grows or shrinks now: every row of the rule, with literal values."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.fleet.window import Freeze, read_window
from pipeline.scaling.decide import STALE, decide, notable
from pipeline.scaling.group import Measured, Member, Memory, Verdict
from pipeline.scaling.policy import Period, Scaling
from tests.scaling.ground import CPU, NOON, POLICY, REQUESTS, Story, cpu, group, later


def test_it_grows_at_the_third_look_over_the_target_and_says_why():
    story = Story(POLICY, 2)
    first, second = story.look(cpu(90.0)), story.look(cpu(90.0))

    third = story.look(cpu(90.0))

    assert (first.verdict, second.verdict, third.verdict) == ("counting", "counting", "out")
    assert third.want == 3
    assert third.reason == "cpu is 90 %, more than 60 % for 3 looks in a row"


@pytest.mark.parametrize(
    ("size", "value", "want"), [(2, 90.0, 3), (2, 61.0 * 3, 7), (4, 67.0, 5), (1, 600.0, 10)]
)
def test_it_grows_to_where_the_target_is_met(size, value, want):
    assert Story(POLICY, size).looks(3, value).want == want


@pytest.mark.parametrize("value", [60.0, 65.9, 54.1])
def test_near_the_target_nothing_is_done(value):
    story = Story(POLICY, 4)

    assert {story.looks(1, value).verdict for _ in range(40)} == {Verdict.STEADY}


def test_one_look_below_in_between_begins_the_count_anew():
    story = Story(POLICY, 2)

    verdicts = [story.look(cpu(value)).verdict for value in (90.0, 90.0, 60.0, 90.0, 90.0)]

    assert Verdict.OUT not in verdicts


def test_it_shrinks_at_the_fifteenth_look_under_the_target_once_nothing_was_changed_for_long():
    story = Story(POLICY, 4)

    decisions = [story.look(cpu(20.0)) for _ in range(15)]

    assert {d.verdict for d in decisions[:14]} == {Verdict.COUNTING}
    assert (decisions[14].verdict, decisions[14].want) == (Verdict.IN, 2)


def test_it_shrinks_no_further_than_to_where_the_target_is_met():
    assert Story(POLICY, 4).looks(15, 46.0).want == 4
    assert Story(POLICY, 4).looks(15, 44.0).want == 3


def test_it_grows_to_the_least_that_the_looks_wanted():
    """One odd reading among them moves nothing."""
    story = Story(POLICY, 2)

    assert [story.look(cpu(value)) for value in (80.0, 400.0, 85.0)][-1].want == 3


def test_it_shrinks_by_half_at_most():
    assert Story(replace(POLICY, maximum=50), 40).looks(15, 0.0).want == 20


def test_it_shrinks_only_to_what_every_look_of_the_last_cooldown_would_have_had():
    story = Story(replace(POLICY, in_after=5), 4)
    story.load(5, 190.0)  # 47.5 each: under the target, and three would not do

    assert story.load(10, 60.0).want == 4
    assert story.load(15, 60.0).want == 2


def test_after_a_change_it_waits_for_the_cooldown():
    story = Story(replace(POLICY, in_after=3, warm_up=0.0), 2)
    story.load(3, 240.0)

    held = story.look(cpu(10.0)), story.look(cpu(10.0)), story.look(cpu(10.0))

    assert story.size == 4
    assert [d.verdict for d in held] == [Verdict.COUNTING, Verdict.COUNTING, Verdict.STEADY]
    story.rest(280.0)
    story.memory = replace(story.memory, changed_at=story.now - timedelta(seconds=299))
    assert story.look(cpu(10.0)).verdict is Verdict.COOLING


def test_what_a_person_changed_is_left_for_the_cooldown_too():
    found = replace(group(6), changed_at=NOON - timedelta(seconds=100))
    memory = Memory(at=NOON - timedelta(seconds=15), below=20)

    decision = decide(POLICY, memory, found, cpu(5.0), NOON)

    assert decision.verdict is Verdict.COOLING
    assert decision.reason.endswith("3 would do, after a cooldown of 200 s more")


# ------------------------------------------------------------------------------------------------ who counts


def test_those_that_warm_up_are_on_their_way_already():
    """Two warm ones at 120 % want four; two are on their way."""
    members = (*group(2).members, Member("new-1", later(-10)), Member("new-2", later(-10)))
    memory = Memory(at=later(-15), above=9)

    decision = decide(POLICY, memory, replace(group(4), members=members), cpu(120.0), NOON)

    assert (decision.verdict, decision.want) == (Verdict.WARMING, 4)


def test_while_some_warm_up_nothing_counts_for_shrinking():
    members = (*group(3).members, Member("new", later(-10)))
    memory = Memory(at=later(-15), below=14)

    decision = decide(POLICY, memory, replace(group(4), members=members), cpu(5.0), NOON)

    assert decision.memory.below == 0
    assert decision.want == 4


def test_while_nobody_is_warm_nothing_is_decided():
    decision = decide(POLICY, Memory(), group(3, since=later(-10)), cpu(400.0), NOON)

    assert (decision.verdict, decision.memory.above) == (Verdict.WARMING, 0)


def test_size_is_what_each_host_has():
    """Six replicas on three hosts at 90 % are nine, three on each."""
    assert Story(POLICY, 2, spread=3).looks(3, 90.0).want == 3


def test_half_a_group_that_is_sick_halts_it():
    decision = decide(POLICY, Memory(above=9, at=NOON), group(4, sick=2), cpu(300.0), NOON)

    assert (decision.verdict, decision.want, decision.memory.above) == (Verdict.HALTED, 4, 0)
    assert decision.reason.startswith("2 of 4 are not ready")


@pytest.mark.parametrize(("size", "sick"), [(5, 2), (2, 1), (1, 1)])
def test_few_sick_ones_do_not_halt_it(size, sick):
    assert decide(POLICY, Memory(), group(size, sick=sick), cpu(60.0), NOON).verdict is not Verdict.HALTED


# ------------------------------------------------------------------------------------------------ bounds


def test_it_stops_at_the_maximum_and_says_so():
    story = Story(POLICY, 10)

    decision = story.looks(3, 90.0)

    assert (decision.verdict, decision.want) == (Verdict.AT_MAX, 10)
    assert decision.reason.endswith("15 are wanted and at most 10 allowed")


def test_outside_its_bounds_it_comes_back_at_once_also_without_data():
    assert decide(replace(POLICY, minimum=3), Memory(), group(1), cpu(None), NOON).want == 3
    assert decide(POLICY, Memory(), group(12), cpu(None), NOON).want == 10


def test_protected_it_never_shrinks():
    policy = replace(POLICY, protect=True)

    assert decide(policy, Memory(), group(12), cpu(5.0), NOON).verdict is Verdict.PROTECTED
    assert Story(policy, 4).looks(15, 5.0).verdict is Verdict.PROTECTED
    assert Story(policy, 4).looks(3, 90.0).verdict is Verdict.OUT


def test_frozen_nothing_is_done_and_evidence_begins_anew():
    story = Story(POLICY, 2)
    story.looks(2, 90.0)

    frozen = story.look(cpu(90.0), frozen="deployment 7 is under way (rolling)")

    assert (frozen.verdict, frozen.want) == (Verdict.FROZEN, 2)
    assert [story.look(cpu(90.0)).verdict for _ in range(3)] == ["counting", "counting", "out"]


EVENING = Period(4, None, window=read_window("Mon-Fri 18:00-23:00 Asia/Shanghai"), why="the evening")
CAMPAIGN = Period(8, 30, span=Freeze(NOON, NOON + timedelta(hours=2)), why="11.11")


@pytest.mark.parametrize(
    ("moment", "bounds"),
    [
        (NOON - timedelta(hours=3), (1, 10, "")),  # 17:00 in Shanghai
        (NOON - timedelta(hours=1), (4, 10, "the evening")),
        (NOON, (8, 30, "11.11")),  # both hold: the last counts
        (NOON + timedelta(hours=2, minutes=59), (4, 10, "the evening")),
        (NOON + timedelta(hours=3), (1, 10, "")),
        (NOON + timedelta(days=5), (1, 10, "")),  # a Saturday
    ],
)
def test_periods_set_other_bounds_while_they_hold(moment, bounds):
    found = Scaling(1, 10, periods=(EVENING, CAMPAIGN)).bounds(moment)

    assert (found.low, found.high, found.why) == bounds


def test_a_period_that_begins_grows_the_group_at_once():
    policy = Scaling(1, 10, periods=(EVENING,))

    decision = decide(policy, Memory(), group(2), [], NOON)

    assert (decision.want, decision.reason) == (4, "at least 4 are to run (the evening)")


# ------------------------------------------------------------------------------------------------ several targets


def both(share: float | None, rate: float | None) -> list[Measured]:
    return [Measured(CPU, share, "silent"), Measured(REQUESTS, rate, "silent")]


BOTH = replace(POLICY, targets=(CPU, REQUESTS))


def test_the_largest_need_counts():
    story = Story(BOTH, 2)

    assert [story.look(both(20.0, 125.0)) for _ in range(3)][-1].want == 5


def test_it_shrinks_only_when_all_agree():
    story = Story(BOTH, 4)

    assert {story.look(both(5.0, 50.0)).verdict for _ in range(30)} == {Verdict.STEADY}


def test_without_one_of_the_measures_it_grows_and_never_shrinks_and_says_so():
    story = Story(BOTH, 4)

    held = [story.look(both(5.0, None)) for _ in range(30)][-1]

    assert (held.verdict, held.want) == (Verdict.NO_DATA, 4)
    assert held.reason == "without data it never shrinks: requests: silent"
    assert [story.look(both(90.0, None)) for _ in range(3)][-1].verdict is Verdict.OUT


def test_without_any_measure_nothing_is_done():
    story = Story(POLICY, 4)
    story.looks(2, 90.0)

    assert story.looks(1, None).verdict is Verdict.NO_DATA
    assert story.looks(1, 90.0).verdict is Verdict.COUNTING


# ------------------------------------------------------------------------------------------------ memory


def test_looks_that_lie_far_apart_are_not_in_a_row():
    story = Story(POLICY, 2)
    story.looks(2, 90.0)
    story.now += timedelta(seconds=STALE + 1)

    assert story.looks(1, 90.0).verdict is Verdict.COUNTING


def test_memory_tells_what_people_are_shown():
    memory = decide(POLICY, Memory(), group(2), cpu(90.0), NOON).memory

    assert (memory.size, memory.low, memory.high, memory.at) == (2, 1, 10, NOON)
    assert (memory.figures[0].measure, memory.figures[0].value, memory.figures[0].target) == (
        "cpu",
        90.0,
        60.0,
    )


def test_what_holds_it_back_is_told_once_and_what_is_usual_never():
    story = Story(POLICY, 10)
    told = []
    for _ in range(10):
        before = story.memory
        told.append(notable(before, story.look(cpu(90.0))))

    assert told == [False, False, True, *[False] * 7]


def test_a_deployment_is_a_line_only_when_something_was_to_be_done():
    busy = decide(POLICY, Memory(), group(2), cpu(90.0), NOON, "deployment 7 is under way (rolling)")
    idle = decide(POLICY, Memory(), group(2), cpu(30.0), NOON, "deployment 7 is under way (rolling)")

    assert (notable(Memory(), busy), notable(Memory(), idle)) == (True, False)
