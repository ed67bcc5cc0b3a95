"""What the benchmark prints stays within what scaling promises: few actions, no overload to speak of, fewer nodes."""

import pytest

from tests.bench.scaling import CROWD, CURVES, DAY, SAWTOOTH, naive, ours, simulated


@pytest.mark.parametrize("seed", range(5))
def test_a_day_takes_ten_actions_at_most(seed):
    assert simulated(DAY, ours(), seed=seed).actions <= 10


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("seed", range(5))
def test_no_more_overload_than_the_naive_rule_plus_two_minutes(name, seed):
    before, after = simulated(CURVES[name], naive, seed=seed), simulated(CURVES[name], ours(), seed=seed)

    assert after.overloaded <= before.overloaded + 2


@pytest.mark.parametrize("curve", [DAY, CROWD], ids=["day", "crowd"])
def test_fewer_node_minutes_than_the_naive_rule(curve):
    assert simulated(curve, ours()).nodes < simulated(curve, naive).nodes


def test_a_sawtooth_is_not_followed():
    assert simulated(SAWTOOTH, ours()).turns <= 1
