"""The figures of a service: numbers in words, trends, plots with a table beside them, and where points stand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pipeline.figures.fact import Fact, StageTime
from pipeline.rollout.deployment import Reason, Status
from pipeline.secret import Secret
from pipeline.web.app import create_app
from pipeline.web.pages.figures import OFTEN, SAFETY, SAME, SPEED
from pipeline.web.pages.plot import FLOOR, TOP, WIDTH, bars_of, curves_of
from tests.web.conftest import House
from tests.web.pages.conftest import PASSWORD, Browser

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(7)]


@pytest.fixture
def reader(house: House) -> Callable[..., Browser]:
    """Of books with a deployment and a failure in each of two windows."""
    now = house.ports.clock.now()

    def fact(number: int, days: int, status: Status = Status.SUCCEEDED, place: str = "production") -> Fact:
        end = now - timedelta(days=days)
        return Fact(number, place, number, Reason.PUSH, status, end - timedelta(minutes=number), end)

    class Book:
        def facts(self, service: str, since: datetime) -> list[Fact]:
            found = [
                fact(1, 9),
                fact(2, 1),
                fact(3, 0),
                fact(4, 0, Status.ROLLED_BACK),
                fact(5, 8, place="test"),
            ]
            return [one for one in found if one.end >= since]

        def stage_times(self, service: str, since: datetime, limit: int = 2000) -> list[StageTime]:
            return [StageTime("build", now, seconds) for seconds in (30.0, 42.0, 90.0)]

    app = create_app(replace(house.ports, figures=Book()))

    def signed_in(*scopes: str) -> Browser:
        house.store.users.create("ada", "viewer", scopes, Secret(PASSWORD))
        browser = Browser(app.test_client())
        browser.send("/sign-in", name="ada", password=PASSWORD)
        return browser

    return signed_in


def test_it_tells_the_four_metrics_with_their_trend_and_what_they_count(reader):
    text = reader().get("/services/shop/figures?days=7").text

    assert "0.29 a day" in text
    assert "deployments: 2" in text
    assert "before: 0.14 a day" in text
    assert "more often" in text
    assert "33 %" in text
    assert "2 min 30 s" in text
    assert "slower" in text
    assert "From the commit to the moment its release was live; the median." in text


def test_plots_have_a_name_and_the_table_has_their_numbers(reader):
    text = reader().get("/services/shop/figures?days=7").text

    assert 'aria-label="Deployment frequency, day by day; the table says the same in numbers."' in text
    assert text.count('<svg class="plot"') == 5  # the test environment had nothing in these days
    assert "<td>1</td><td>3 min 0 s</td><td>1</td><td>4 min 0 s</td>" in text
    assert "<td>42 s</td><td>1 min 30 s</td><td>3</td>" in text


def test_stages_are_told_by_median_and_p95(reader):
    text = reader().get("/services/shop/figures?days=7").text

    assert "<b>42 s</b>" in text
    assert "p95 1 min 30 s · counted: 3" in text


def test_somebody_bound_to_an_environment_sees_that_one(reader):
    text = reader("shop/test").get("/services/shop/figures?days=7").text

    assert 'id="test"' in text
    assert "production" not in text


def test_a_service_without_anything_says_so(person):
    text = person("viewer").get("/services/shop/figures").text

    assert "Nothing was deployed in these days" in text
    assert "No stage ended in these days." in text


@pytest.mark.parametrize("days", ["0", "366", "x", "-7"])
def test_days_that_make_no_sense_are_refused_in_words(person, days):
    answer = person("viewer").get(f"/services/shop/figures?days={days}")

    assert answer.status_code == 400
    assert "was refused" in answer.text


def test_the_page_of_the_service_leads_there(person):
    assert 'href="/services/shop/figures"' in person("viewer").get("/services/shop").text


@pytest.mark.parametrize(
    ("trend", "now", "before", "word"),
    [
        (OFTEN, 2.0, 1.0, "more often"),
        (OFTEN, 1.0, 2.0, "less often"),
        (SPEED, 60.0, 90.0, "faster"),
        (SPEED, 90.0, 60.0, "slower"),
        (SAFETY, 0.0, 0.1, "fewer failures"),
        (SAFETY, 0.2, 0.1, "more failures"),
        (SPEED, 100.0, 104.0, SAME.word),
        (SAFETY, 0.0, 0.0, SAME.word),
    ],
)
def test_a_trend_is_a_word(trend, now, before, word):
    assert trend.of(now, before).word == word


def test_there_is_no_trend_against_nothing():
    assert OFTEN.of(1.0, None) is None
    assert OFTEN.of(None, 1.0) is None


def test_bars_stand_on_the_floor_and_end_under_a_round_number():
    plot = bars_of(DAYS, [0, 7, 0, 4, 0, 0, 8])

    assert plot.ceiling == 8
    assert [bar.value for bar in plot.bars] == [7, 4, 8]
    assert all(bar.y + bar.height == pytest.approx(FLOOR) for bar in plot.bars)
    assert plot.bars[-1].y == TOP
    assert plot.bars[-1].x + plot.bars[-1].width <= WIDTH


def test_no_line_is_drawn_over_a_day_without_anything():
    plot = curves_of(DAYS, [("median", [1.0, 2.0, None, 3.0, None, 4.0, 50.0])])

    (curve,) = plot.curves
    assert plot.ceiling == 60
    assert len(curve.dots) == 5
    assert curve.path.count("M") == 2
    assert curve.path.count("L") == 2


@pytest.mark.parametrize("days", [1, 7, 365])
def test_every_day_has_its_place_within_the_plot(days):
    plot = curves_of([DAYS[0] + timedelta(days=n) for n in range(days)], [("median", [1.0] * days)])

    assert all(0 < dot.x < WIDTH for dot in plot.curves[0].dots)


def test_nothing_makes_no_plot():
    assert bars_of(DAYS, [0] * 7) is None
    assert curves_of(DAYS, [("median", [None] * 7)]) is None
