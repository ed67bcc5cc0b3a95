"""Counting samples."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.rollout import health
from pipeline.rollout.deployment import ReplicaRecord
from pipeline.rollout.observed import Sample
from pipeline.rollout.release import HealthCheck

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHECK = HealthCheck(rise=2, fall=3, interval=1.0, start_period=5.0, deadline=60.0)
FRESH = ReplicaRecord(0, "c1", "t")


def counted(pattern: str) -> ReplicaRecord:
    """+ good, - bad, ? could not be asked; one each second."""
    record = FRESH
    for second, mark in enumerate(pattern):
        sample = Sample("c1", T0 + timedelta(seconds=second), mark == "+", f"saw {mark}", asked=mark != "?")
        record = health.count(record, sample)
    return record


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("", 0, 0),
        ("+", 1, 0),
        ("++", 2, 0),
        ("+-", 0, 1),
        ("--+", 1, 0),
        ("+?+", 2, 0),
        ("--?-", 0, 3),
        ("???", 0, 0),
    ],
)
def test_only_rows_without_a_break_count(pattern, good, bad):
    record = counted(pattern)

    assert (record.good, record.bad) == (good, bad)


def test_same_sample_counts_once():
    sample = Sample("c1", T0, ok=True, note="well")

    assert health.count(health.count(FRESH, sample), sample).good == 1


@pytest.mark.parametrize(
    ("pattern", "after", "proved"), [("++", 1, False), ("+++", 2, True), ("+-+", 9, False)]
)
def test_proof_takes_rise_and_time(pattern, after, proved):
    now = T0 + timedelta(seconds=after)

    assert health.proved(counted(pattern), CHECK, 2.0, now) is proved


def test_proof_takes_the_smoke_requests_too():
    check = replace(CHECK, smoke=("/",))
    now = T0 + timedelta(seconds=9)

    assert not health.proved(counted("+++"), check, 2.0, now)
    assert health.proved(replace(counted("+++"), smoked=True), check, 2.0, now)


def test_smoke_is_asked_only_once_it_says_that_it_is_well():
    check = replace(CHECK, smoke=("/",))

    assert [health.smoke_due(counted(p), check) for p in ("", "+", "++")] == [False, False, True]
    assert not health.smoke_due(replace(counted("++"), smoked=True), check)


def test_smoke_fails_after_as_many_as_health():
    record = FRESH
    for _ in range(3):
        assert not health.smoke_failed(record, CHECK)
        record = health.count_smoke(record, Sample("c1", T0, ok=False, note="GET / answered 500"))

    assert health.smoke_failed(record, CHECK)


def test_replica_that_cannot_be_asked_is_never_blamed():
    record = counted("+?????")

    assert not health.fallen(record, CHECK)
    assert record.unknown_since == T0 + timedelta(seconds=1)


def test_repositorys_deadline_stays_within_the_operators():
    assert health.patience(CHECK, 120.0) == 65.0
    assert health.patience(CHECK, 30.0) == 30.0


def test_next_sample_is_due_after_the_interval():
    assert health.due(None, CHECK, T0)
    assert not health.due(counted("+"), CHECK, T0 + timedelta(seconds=0.9))
    assert health.due(counted("+"), CHECK, T0 + timedelta(seconds=1))


def test_replica_that_was_never_well_is_asked_more_often_than_one_that_was():
    sick, well = counted("-"), counted("+")
    soon = T0 + timedelta(seconds=health.EAGER)

    assert health.due(sick, CHECK, soon, eager=True)
    assert not health.due(sick, CHECK, soon)
    assert not health.due(well, CHECK, soon, eager=True)
