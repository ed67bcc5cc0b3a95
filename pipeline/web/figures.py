"""The call about a service's figures: the four DORA metrics and stage durations, in the shape that a plot needs."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from pipeline.caller import Caller
from pipeline.figures.dora import Figures, Spread, StageFigures, Totals, stage_figures, window_before
from pipeline.figures.dora import figures as dora
from pipeline.ports import Ports
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role, within
from pipeline.web.bodies import Sent
from pipeline.web.calls import Call

LONGEST = 365  # days


class FiguresQuery(Sent):
    days: Annotated[int, Field(ge=1, le=LONGEST, description="How far back, whole days of UTC.")] = 30


class SpreadAnswer(Answer):
    """Null: of nothing."""

    median: float | None
    p95: float | None
    count: int


class DayAnswer(Answer):
    day: date
    deployments: int
    failures: int
    lead_seconds: float | None
    restore_seconds: float | None


class WindowFigures(Answer):
    deployments: int
    deployments_per_day: float
    lead_seconds: SpreadAnswer
    failures: int
    failure_rate: float | None
    restore_seconds: SpreadAnswer


class PlaceFigures(WindowFigures):
    """`before`: of the window before, which is as long."""

    environment: str
    before: WindowFigures
    days: list[DayAnswer]


class StageDayAnswer(Answer):
    day: date
    median: float | None
    p95: float | None
    count: int


class StageFiguresAnswer(Answer):
    stage: str
    seconds: SpreadAnswer
    days: list[StageDayAnswer]


class FiguresAnswer(Answer):
    """`days` of each have a point for every day, also for one without anything."""

    service: str
    since: Utc
    until: Utc
    environments: list[PlaceFigures]
    stages: list[StageFiguresAnswer]


def service_figures(ports: Ports, caller: Caller, service: str, query: FiguresQuery) -> FiguresAnswer:
    ports.service(service)
    until = ports.clock.now()
    first = until - timedelta(days=query.days - 1)
    since = first.replace(hour=0, minute=0, second=0, microsecond=0)
    places = dora(ports.figures.facts(service, window_before(since, until)), since, until)
    stages = stage_figures(ports.figures.stage_times(service, since), since, until)
    return FiguresAnswer(
        service=service,
        since=since,
        until=until,
        environments=[_place(one) for one in places if within(caller, service, one.environment)],
        stages=[_stage(one) for one in stages],
    )


def _place(found: Figures) -> PlaceFigures:
    return PlaceFigures(
        **dict(_window(found.window)),
        environment=found.environment,
        before=_window(found.before),
        days=[
            DayAnswer(
                day=day.day,
                deployments=day.deployments,
                failures=day.failures,
                lead_seconds=day.lead,
                restore_seconds=day.restore,
            )
            for day in found.days
        ],
    )


def _window(found: Totals) -> WindowFigures:
    return WindowFigures(
        deployments=found.deployments,
        deployments_per_day=round(found.per_day, 3),
        lead_seconds=_spread(found.lead),
        failures=found.failures,
        failure_rate=found.failure_rate,
        restore_seconds=_spread(found.restore),
    )


def _stage(found: StageFigures) -> StageFiguresAnswer:
    return StageFiguresAnswer(
        stage=found.stage,
        seconds=_spread(found.spread),
        days=[
            StageDayAnswer(day=one.day, median=one.spread.median, p95=one.spread.p95, count=one.spread.count)
            for one in found.days
        ],
    )


def _spread(found: Spread) -> SpreadAnswer:
    return SpreadAnswer(median=found.median, p95=found.p95, count=found.count)


CALLS = (
    Call(
        "GET",
        "/services/<service>/figures",
        Role.VIEWER,
        "The four DORA metrics of a service's environments and the durations of its stages, day by day",
        service_figures,
        FiguresAnswer,
        query=FiguresQuery,
        errors=(400, 404),
    ),
)
