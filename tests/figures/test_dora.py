"""The four DORA metrics, from rows with literal times: what is a change, a failure, a recovery, and on which day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.figures.dora import Change, Spread, changes, figures, spread, stage_figures, window_before
from pipeline.figures.fact import Fact, StageTime
from pipeline.rollout.deployment import Reason, Status

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def after(**hours: float) -> datetime:
    return NOON + timedelta(**hours)


def fact(number: int, release: int, hours: float, **more: object) -> Fact:
    """Asked for `hours` after noon, live ten minutes later, of a commit an hour older."""
    at = after(hours=hours)
    good = at + timedelta(minutes=10)
    plain = Fact(number, "production", release, Reason.PUSH, Status.SUCCEEDED, at - timedelta(hours=1), good)
    return plain._replace(**more)  # type: ignore[arg-type]


def taken_back(number: int, release: int, hours: float) -> Fact:
    at = after(hours=hours)
    times = {"begin": at + timedelta(minutes=2), "end": at + timedelta(minutes=3)}
    return fact(number, release, hours, status=Status.ROLLED_BACK, **times)


def test_a_release_that_went_live_is_a_change_with_its_lead_time():
    assert changes([fact(1, 1, 0)]) == [Change(after(minutes=10), True, 4200.0)]


def test_one_that_was_taken_back_failed_and_was_restored_from_when_it_was_noticed():
    found = changes([fact(1, 1, 0), taken_back(2, 2, 1)])

    assert found[1] == Change(after(hours=1, minutes=3), False, None, True, 60.0)


@pytest.mark.parametrize("back", [{"reason": Reason.ROLLBACK}, {"reason": Reason.MANUAL}])
def test_going_back_by_hand_makes_the_release_before_it_a_failure(back: dict[str, Reason]):
    found = changes([fact(1, 1, 0), fact(2, 2, 1), fact(3, 1, 3, **back)])

    assert [(one.live, one.failed, one.restore) for one in found] == [
        (True, False, None),
        (True, True, 7200.0),
    ]


def test_going_back_twice_blames_nothing_more():
    back = Reason.ROLLBACK
    found = changes(
        [fact(1, 1, 0), fact(2, 2, 1), fact(3, 3, 2), fact(4, 2, 3, reason=back), fact(5, 1, 4, reason=back)]
    )

    assert [one.failed for one in found] == [False, False, True]


def test_a_rollback_of_what_went_live_before_the_window_is_left_out():
    assert changes([fact(1, 1, 0, reason=Reason.ROLLBACK)]) == []


@pytest.mark.parametrize("reason", [Reason.SCALE, Reason.MIGRATE])
def test_what_brings_no_release_is_no_change(reason: Reason):
    assert changes([fact(1, 1, 0, reason=reason)]) == []


def test_the_same_release_once_more_is_a_deployment_without_a_lead_time():
    found = changes([fact(1, 1, 0), fact(2, 1, 5, reason=Reason.MANUAL)])

    assert [(one.live, one.lead) for one in found] == [(True, 4200.0), (True, None)]


def test_a_commit_of_the_future_took_no_time():
    assert changes([fact(1, 1, 0, begin=after(hours=9))])[0].lead == 0.0


def test_the_figures_of_a_window():
    facts = [
        fact(1, 1, -48),
        fact(2, 2, -24),
        taken_back(3, 3, -23),
        fact(4, 4, 0),
        fact(5, 1, 0, environment="test"),
    ]

    production, test = figures(facts, after(days=-3), NOON)
    window = production.window

    assert (production.environment, test.environment) == ("production", "test")
    assert (window.deployments, window.per_day) == (3, 0.75)
    assert (window.failures, window.failure_rate) == (1, 0.25)
    assert window.lead == Spread(4200.0, 4200.0, 3)
    assert window.restore == Spread(60.0, 60.0, 1)
    assert [(day.day.day, day.deployments, day.failures) for day in production.days] == [
        (7, 0, 0), (8, 1, 0), (9, 1, 1), (10, 1, 0),
    ]  # fmt: skip
    assert production.days[0].lead is None
    assert production.days[2].restore == 60.0


def test_the_window_before_has_its_own_figures_and_is_as_long():
    since, until = after(days=-3), NOON
    facts = [fact(1, 1, -100), taken_back(2, 2, -99), fact(3, 3, -2)]

    found = figures(facts, since, until)[0]

    assert window_before(since, until) == after(days=-6)
    assert (found.before.deployments, found.before.failure_rate) == (1, 0.5)
    assert (found.window.deployments, found.window.failure_rate) == (1, 0.0)


def test_a_release_of_the_window_before_that_is_gone_back_to_has_no_lead_time():
    found = figures([fact(1, 1, -100), fact(2, 1, -1)], after(days=-3), NOON)[0]

    assert (found.window.deployments, found.window.lead) == (1, Spread())


def test_nothing_is_no_figure():
    assert figures([], NOON, NOON) == []


def test_only_failures_have_a_rate_and_no_lead_time():
    found = figures([taken_back(1, 1, 0)], NOON, after(hours=1))[0]

    assert (found.window.failure_rate, found.window.lead) == (1.0, Spread())


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [
        ([], None, None),
        ([3.0], 3.0, 3.0),
        ([4.0, 1.0], 2.5, 4.0),
        ([float(n) for n in range(1, 101)], 50.5, 95.0),
    ],
)
def test_median_and_the_nearest_rank(values: list[float], median: float | None, p95: float | None):
    assert spread(values) == Spread(median, p95, len(values))


def test_stages_have_a_median_and_p95_for_each_day():
    times = [StageTime("build", after(days=-1), 10), StageTime("build", NOON, 30), StageTime("test", NOON, 5)]

    build, test = stage_figures(times, after(days=-1), NOON)

    assert (build.stage, build.spread.median, test.spread.count) == ("build", 20, 1)
    assert [(one.day, one.spread.median) for one in test.days] == [
        (date(2026, 3, 9), None),
        (date(2026, 3, 10), 5),
    ]
