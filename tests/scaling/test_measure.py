"""What the average warm replica has, from counters at two moments."""

from datetime import timedelta

import pytest

from pipeline.scaling.group import Sample
from pipeline.scaling.measure import Limits, measured
from pipeline.scaling.policy import Measure, Target
from tests.scaling.ground import NOON

CPU, MEMORY, REQUESTS = (Target(measure, 60.0) for measure in (Measure.CPU, Measure.MEMORY, Measure.REQUESTS))
LATER = NOON + timedelta(seconds=10)
BEFORE = {"a": Sample(NOON, 100.0, 50, 1000), "b": Sample(NOON, 7.0, 10, 0)}
AFTER = {"a": Sample(LATER, 104.0, 60, 1500), "b": Sample(LATER, 8.0, 20, 100)}
LIMITS = Limits(cpus=0.5, memory=100)


@pytest.mark.parametrize(("target", "value"), [(CPU, 50.0), (MEMORY, 40.0), (REQUESTS, 30.0)])
def test_average_of_all_warm_replicas(target, value):
    assert measured(target, ["a", "b"], BEFORE, AFTER, LIMITS).value == pytest.approx(value)


def test_cold_replicas_do_not_count():
    assert measured(REQUESTS, ["b"], BEFORE, AFTER, LIMITS).value == pytest.approx(10.0)


def test_without_a_limit_cpu_is_of_one_core_and_memory_is_not_known():
    assert measured(CPU, ["a"], BEFORE, AFTER, Limits()).value == pytest.approx(40.0)
    assert measured(MEMORY, ["a"], BEFORE, AFTER, Limits()).value is None


def test_counters_that_began_anew_have_no_rate_and_the_others_speak():
    after = AFTER | {"a": Sample(LATER, 1.0, 60, 3)}

    assert measured(REQUESTS, ["a", "b"], BEFORE, after, LIMITS).value == pytest.approx(10.0)
    assert measured(CPU, ["a"], BEFORE, after, LIMITS).value is None


def test_the_first_look_has_no_rates_and_says_so():
    assert measured(CPU, ["a"], {}, AFTER, LIMITS).why == "this is the first look"
    assert measured(CPU, ["c"], BEFORE, AFTER, LIMITS).why == "no replica could be read"
    assert measured(MEMORY, ["a"], {}, AFTER, LIMITS).value == pytest.approx(60.0)


def test_two_samples_of_one_moment_have_no_rate():
    assert measured(CPU, ["a"], AFTER, AFTER, LIMITS).value is None
