"""How often, how fast and how safely a service is released, and how long its stages take: numbers, trends and plots.

What each number counts is defined in docs/figures.md; here it is said in words. Decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.web.figures import DayAnswer, FiguresAnswer, PlaceFigures, StageFiguresAnswer, WindowFigures
from pipeline.web.pages.language import key
from pipeline.web.pages.marks import Mark
from pipeline.web.pages.page import Page
from pipeline.web.pages.plot import Plot, bars_of, curves_of
from pipeline.web.pages.visit import Visit

WINDOWS = ("7", "30", "90")  # days that are offered; the API takes others too
USUAL = "30"
ALIKE = 0.05  # of the larger one: less than that is no trend
SAME = Mark("idle", "=", key("as before"))


@dataclass(frozen=True)
class Trend:
    up: Mark
    down: Mark

    def of(self, now: float | None, before: float | None) -> Mark | None:
        """None where one of them is nothing."""
        if now is None or before is None:
            return None
        if abs(now - before) <= ALIKE * max(now, before):
            return SAME
        return self.up if now > before else self.down


OFTEN = Trend(Mark("good", "↑", key("more often")), Mark("warn", "↓", key("less often")))
SPEED = Trend(Mark("warn", "↑", key("slower")), Mark("good", "↓", key("faster")))
SAFETY = Trend(Mark("warn", "↑", key("more failures")), Mark("good", "↓", key("fewer failures")))


@dataclass(frozen=True)
class Metric:
    """One of the four. `kind`: how its numbers are written (often, share, time). `p95`, `count`: of what it is made."""

    name: str
    counted: str
    kind: str
    value: float | None
    before: float | None
    trend: Mark | None
    count: int
    plot: Plot | None
    p95: float | None = None


@dataclass(frozen=True)
class Place:
    """`days`: those with anything, the newest first."""

    environment: str
    metrics: tuple[Metric, ...]
    days: list[DayAnswer]


@dataclass(frozen=True)
class StagePlot:
    stage: StageFiguresAnswer
    plot: Plot | None


def show(visit: Visit, service: str) -> dict[str, object]:
    days = visit.args.get("days") or USUAL
    found = visit.ask(FiguresAnswer, "service_figures", {"days": days}, service=service)
    return {
        "service": service,
        "since": found.since,
        "until": found.until,
        "days": days,
        "windows": WINDOWS,
        "places": [place_of(one) for one in found.environments],
        "stages": [_stage(one) for one in found.stages],
    }


def place_of(found: PlaceFigures) -> Place:
    days = [one.day for one in found.days]
    return Place(
        found.environment,
        (
            _frequency(found, found.before, days),
            _lead(found, found.before, days),
            _failures(found, found.before, days),
            _restore(found, found.before, days),
        ),
        [day for day in reversed(found.days) if day.deployments or day.failures],
    )


def _frequency(found: PlaceFigures, before: WindowFigures, days: Sequence[date]) -> Metric:
    return Metric(
        key("Deployment frequency"),
        key("Deployments that brought a release and stayed. Going back, scaling and moving do not count."),
        "often",
        found.deployments_per_day,
        before.deployments_per_day,
        OFTEN.of(found.deployments_per_day, before.deployments_per_day),
        found.deployments,
        bars_of(days, [day.deployments for day in found.days]),
    )


def _lead(found: PlaceFigures, before: WindowFigures, days: Sequence[date]) -> Metric:
    now, then = found.lead_seconds, before.lead_seconds
    return Metric(
        key("Lead time for changes"),
        key("From the commit to the moment its release was live; the median."),
        "time",
        now.median,
        then.median,
        SPEED.of(now.median, then.median),
        now.count,
        curves_of(days, [("median", [day.lead_seconds for day in found.days])]),
        now.p95,
    )


def _failures(found: PlaceFigures, before: WindowFigures, days: Sequence[date]) -> Metric:
    return Metric(
        key("Change failure rate"),
        key("Of all changes, those that were taken back, by themselves or by somebody before the next one."),
        "share",
        found.failure_rate,
        before.failure_rate,
        SAFETY.of(found.failure_rate, before.failure_rate),
        found.failures,
        bars_of(days, [day.failures for day in found.days]),
    )


def _restore(found: PlaceFigures, before: WindowFigures, days: Sequence[date]) -> Metric:
    now, then = found.restore_seconds, before.restore_seconds
    return Metric(
        key("Time to restore"),
        key(
            "From the notice of a failure, or from a bad release's being live, to the old one alone; the median."
        ),
        "time",
        now.median,
        then.median,
        SPEED.of(now.median, then.median),
        now.count,
        curves_of(days, [("median", [day.restore_seconds for day in found.days])]),
        now.p95,
    )


def _stage(found: StageFiguresAnswer) -> StagePlot:
    days = [one.day for one in found.days]
    series = [("p95", [one.p95 for one in found.days]), ("median", [one.median for one in found.days])]
    return StagePlot(found, curves_of(days, series))


PAGES = (Page("/services/<service>/figures", "figures", show),)
