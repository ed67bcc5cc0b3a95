"""What must hold whatever is measured. Each law tells a story from dice, and is asked of the rule and of its mutants alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import ceil
from random import Random

from pipeline.scaling.decide import ROUNDING
from pipeline.scaling.group import ACTS, Decision, Measured, Memory, Verdict
from pipeline.scaling.policy import Scaling
from tests.scaling.ground import CPU, EVERY, NOON, REQUESTS, Story, cpu, group

Rule = Callable[..., Decision]
Law = Callable[[Rule, Random], None]
LOOKS = 40


def some_policy(dice: Random) -> Scaling:
    low = dice.randint(1, 5)
    return Scaling(
        low,
        low + dice.randint(0, 20),
        (CPU,),
        out_after=dice.randint(1, 4),
        in_after=dice.randint(1, 20),
        warm_up=dice.choice([0.0, 15.0, 60.0, 300.0]),
        cooldown=dice.choice([0.0, 60.0, 300.0]),
        tolerance=dice.choice([0.0, 0.1, 0.3]),
        protect=dice.random() < 0.1,
    )


def some_value(dice: Random) -> float | None:
    return dice.choice([None, 0.0, 5.0, 30.0, 59.0, 61.0, 70.0, 120.0, 400.0])


def stays_in_bounds(rule: Rule, dice: Random) -> None:
    policy, size = some_policy(dice), dice.randint(1, 30)
    story = Story(policy, size, dice.randint(1, 3), rule)
    for _ in range(LOOKS):
        before = story.size
        want = story.look(cpu(some_value(dice))).want
        assert want == before or policy.minimum <= want <= policy.maximum
        assert want >= policy.minimum
        assert want <= policy.maximum or policy.protect


def frozen_does_nothing(rule: Rule, dice: Random) -> None:
    story = Story(some_policy(dice), dice.randint(1, 30), 1, rule)
    for _ in range(LOOKS):
        before = story.size
        assert story.look(cpu(some_value(dice)), frozen="deployment 7 is under way").want == before


def without_data_it_never_shrinks(rule: Rule, dice: Random) -> None:
    policy = replace(some_policy(dice), targets=(CPU, REQUESTS), maximum=40, in_after=1, cooldown=0.0)
    story = Story(policy, dice.randint(1, 30), 1, rule)
    for _ in range(LOOKS):
        before = story.size
        found = [Measured(CPU, some_value(dice)), Measured(REQUESTS, None, "silent")]
        assert story.look(found).want >= before


def more_load_never_means_fewer(rule: Rule, dice: Random) -> None:
    policy, found = some_policy(dice), group(dice.randint(1, 20))
    wanted = tuple((NOON - timedelta(seconds=60), dice.randint(1, 10)) for _ in range(dice.randint(0, 3)))
    memory = Memory(NOON - timedelta(seconds=EVERY), dice.randint(0, 20), dice.randint(0, 20), wanted)
    values = [0.0, 10.0, 20.0, 40.0, 53.0, 60.0, 67.0, 80.0, 200.0, 1000.0]
    sizes = [rule(policy, memory, found, cpu(value), NOON).want for value in values]
    assert sizes == sorted(sizes)


def steady_load_is_steady(rule: Rule, dice: Random) -> None:
    """It goes one way, arrives where the target is met, and then rests."""
    policy = replace(some_policy(dice), minimum=1, maximum=40, protect=False)
    load, size = dice.uniform(1.0, 2000.0), dice.randint(1, 30)
    story = Story(policy, size, 1, rule)
    sizes = [size] + [story.load(1, load).want for _ in range(250)]
    steps = [b - a for a, b in pairwise(sizes) if a != b]
    assert all(step > 0 for step in steps) or all(step < 0 for step in steps)
    assert sizes[-40:] == [sizes[-1]] * 40
    assert load / sizes[-1] <= CPU.value * (1 + policy.tolerance) or sizes[-1] == policy.maximum


def it_arrives_when_it_was_far_too_large(rule: Rule, dice: Random) -> None:
    policy = replace(some_policy(dice), minimum=1, maximum=40, protect=False)
    load = dice.uniform(1.0, 600.0)
    story = Story(policy, 40, 1, rule)
    story.load(250, load)
    assert story.size <= load / (CPU.value * (1 - policy.tolerance)) + 1


def evidence_comes_first(rule: Rule, dice: Random) -> None:
    """Never out before so many looks in a row were over, never in before so many were under."""
    policy = replace(some_policy(dice), minimum=1, maximum=40, protect=False)
    story = Story(policy, dice.randint(1, 30), 1, rule)
    over = under = 0
    for _ in range(LOOKS):
        value = some_value(dice)
        ratio = 1.0 if value is None else value / CPU.value
        over = over + 1 if ratio > 1 + policy.tolerance else 0
        under = under + 1 if ratio < 1 - policy.tolerance else 0
        decision = story.look(cpu(value))
        assert decision.verdict is not Verdict.OUT or over >= policy.out_after
        assert decision.verdict is not Verdict.IN or under >= policy.in_after
        over, under = (0, 0) if decision.verdict in ACTS else (over, under)


def cooldown_comes_first(rule: Rule, dice: Random) -> None:
    policy = replace(some_policy(dice), minimum=1, maximum=40, protect=False, in_after=1, warm_up=0.0)
    story = Story(policy, dice.randint(1, 30), 1, rule)
    changed = None
    for _ in range(LOOKS):
        now, decision = story.now, story.look(cpu(some_value(dice)))
        if decision.verdict is Verdict.IN and changed is not None:
            assert (now - changed).total_seconds() >= policy.cooldown
        changed = now if decision.verdict in ACTS else changed


def shrinks_by_half_at_most(rule: Rule, dice: Random) -> None:
    policy = replace(some_policy(dice), minimum=1, maximum=40, protect=False)
    story = Story(policy, dice.randint(1, 40), 1, rule)
    for _ in range(LOOKS):
        before = story.size
        assert story.look(cpu(dice.choice([0.0, 1.0]))).want >= before // 2


def a_sick_group_is_left_alone(rule: Rule, dice: Random) -> None:
    policy, size = replace(some_policy(dice), minimum=1, maximum=40), dice.randint(4, 30)
    story = Story(policy, size, 1, rule)
    for _ in range(10):
        assert story.look(cpu(some_value(dice)), sick=size // 2 + 1).want == size


def those_that_warm_up_do_not_count(rule: Rule, dice: Random) -> None:
    """A load that is met by who is on the way grows it once."""
    policy = Scaling(1, 100, (CPU,), warm_up=300.0)
    story = Story(policy, dice.randint(1, 5), 1, rule)
    per_warm = dice.uniform(70.0, 200.0)
    verdicts = [story.look(cpu(per_warm)).verdict for _ in range(15)]
    assert verdicts.count(Verdict.OUT) == 1


def while_some_warm_up_it_never_shrinks(rule: Rule, dice: Random) -> None:
    policy = Scaling(1, 40, (CPU,), in_after=1, cooldown=0.0, warm_up=600.0)
    story = Story(policy, dice.randint(2, 20), 1, rule)
    story.born[-1] = story.now
    for _ in range(LOOKS):
        before = story.size
        assert story.look(cpu(dice.choice([0.0, 10.0, 59.0]))).want >= before


def a_need_is_met_as_soon_as_it_is_proved(rule: Rule, dice: Random) -> None:
    """At the look at which the evidence is whole, and to the least that these looks wanted."""
    policy = replace(some_policy(dice), minimum=1, maximum=1000)
    size = dice.randint(1, 20)
    story = Story(policy, size, 1, rule)
    values = [dice.uniform(CPU.value * 1.4, 400.0) for _ in range(policy.out_after)]
    decisions = [story.look(cpu(value)) for value in values]
    assert [one.verdict for one in decisions[:-1]] == [Verdict.COUNTING] * (policy.out_after - 1)
    assert decisions[-1].want == ceil(size * min(values) / CPU.value - ROUNDING)


LAWS: tuple[Law, ...] = (
    stays_in_bounds,
    frozen_does_nothing,
    without_data_it_never_shrinks,
    more_load_never_means_fewer,
    steady_load_is_steady,
    it_arrives_when_it_was_far_too_large,
    evidence_comes_first,
    cooldown_comes_first,
    shrinks_by_half_at_most,
    a_sick_group_is_left_alone,
    those_that_warm_up_do_not_count,
    while_some_warm_up_it_never_shrinks,
    a_need_is_met_as_soon_as_it_is_proved,
)
