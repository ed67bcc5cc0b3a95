"""RULE: the four DORA metrics of a service's environments, and how long its stages take, day by day. Pure.

What each one counts is defined in docs/figures.md. A day without anything has a point too: a plot must not skip it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from math import ceil
from statistics import median
from typing import NamedTuple

from pipeline.figures.fact import Fact, StageTime
from pipeline.rollout.deployment import Reason, Status

UNCHANGED = frozenset({Reason.SCALE, Reason.MIGRATE})  # bring no release


@dataclass(frozen=True)
class Spread:
    """Seconds; None: of nothing."""

    median: float | None = None
    p95: float | None = None
    count: int = 0


@dataclass(frozen=True)
class Day:
    """`failures` of the changes that went out on it."""

    day: date
    deployments: int = 0
    failures: int = 0
    lead: float | None = None
    restore: float | None = None


@dataclass(frozen=True)
class Totals:
    """Of one window."""

    deployments: int
    per_day: float
    lead: Spread
    failures: int
    failure_rate: float | None
    restore: Spread


@dataclass(frozen=True)
class Figures:
    """`before`: the same of the window before, which is as long."""

    environment: str
    window: Totals
    before: Totals
    days: tuple[Day, ...]


@dataclass(frozen=True)
class StageDay:
    day: date
    spread: Spread


@dataclass(frozen=True)
class StageFigures:
    stage: str
    spread: Spread
    days: tuple[StageDay, ...]


class Change(NamedTuple):
    """A release on its way to users. `lead` None: it went out before. `restore`: seconds to recover, None: it was good."""

    at: datetime
    live: bool
    lead: float | None = None
    failed: bool = False
    restore: float | None = None


def figures(facts: Sequence[Fact], since: datetime, until: datetime) -> list[Figures]:
    """For each environment, by name. Facts from before `since` make the window before."""
    by_place = sorted(facts, key=lambda fact: (fact.environment, fact.id))
    days = _days(since, until)
    return [
        _of_place(name, changes(list(own)), since, days)
        for name, own in groupby(by_place, key=lambda fact: fact.environment)
    ]


def window_before(since: datetime, until: datetime) -> datetime:
    """Where it begins. As long to the second: half a day of today is compared with half a day."""
    return since - (until - since)


def stage_figures(times: Sequence[StageTime], since: datetime, until: datetime) -> list[StageFigures]:
    """In the order in which they were first seen, which is that of a run."""
    by_day: dict[str, dict[date, list[float]]] = {}
    for time in times:
        by_day.setdefault(time.stage, {}).setdefault(_day(time.finished_at), []).append(time.seconds)
    days = _days(since, until)
    return [
        StageFigures(
            stage,
            spread(seconds for day in own.values() for seconds in day),
            tuple(StageDay(day, spread(own.get(day, ()))) for day in days),
        )
        for stage, own in by_day.items()
    ]


def changes(facts: Sequence[Fact]) -> list[Change]:
    """Of one environment, the oldest first. Going back is no change: it makes the one before it a failure."""
    found: list[Change] = []
    seen: set[int] = set()
    last: Fact | None = None  # what went live last; None: it was taken back already
    for fact in facts:
        if fact.reason in UNCHANGED:
            continue
        if fact.status is Status.ROLLED_BACK:
            found.append(Change(fact.end, False, None, True, _seconds(fact.begin, fact.end)))
        elif _goes_back(fact, last):
            _blame(found, last, fact)
            last = None
        else:
            lead = None if fact.release in seen else _seconds(fact.begin, fact.end)
            found.append(Change(fact.end, True, lead))
            seen.add(fact.release)
            last = fact
    return found


def spread(values: Iterable[float]) -> Spread:
    found = sorted(values)
    if not found:
        return Spread()
    return Spread(median(found), found[ceil(0.95 * len(found)) - 1], len(found))


def _of_place(name: str, found: Sequence[Change], since: datetime, days: Sequence[date]) -> Figures:
    mine = [change for change in found if change.at >= since]
    by_day: dict[date, list[Change]] = {}
    for change in mine:
        by_day.setdefault(_day(change.at), []).append(change)
    return Figures(
        environment=name,
        window=_totals(mine, len(days)),
        before=_totals([change for change in found if change.at < since], len(days)),
        days=tuple(_of_day(day, by_day.get(day, ())) for day in days),
    )


def _totals(found: Sequence[Change], days: int) -> Totals:
    live = [change for change in found if change.live]
    failures = [change for change in found if change.failed]
    return Totals(
        deployments=len(live),
        per_day=len(live) / days,
        lead=spread(change.lead for change in live if change.lead is not None),
        failures=len(failures),
        failure_rate=len(failures) / len(found) if found else None,
        restore=spread(change.restore for change in failures if change.restore is not None),
    )


def _of_day(day: date, found: Sequence[Change]) -> Day:
    return Day(
        day=day,
        deployments=sum(change.live for change in found),
        failures=sum(change.failed for change in found),
        lead=spread(change.lead for change in found if change.lead is not None).median,
        restore=spread(change.restore for change in found if change.restore is not None).median,
    )


def _goes_back(fact: Fact, last: Fact | None) -> bool:
    """Asked for as a rollback, or by the number of an older release."""
    return fact.reason is Reason.ROLLBACK or (last is not None and fact.release < last.release)


def _blame(found: list[Change], last: Fact | None, back: Fact) -> None:
    """From the moment the bad release was live until the old one was live again."""
    newest = next((at for at in reversed(range(len(found))) if found[at].live), None)
    if last is None or newest is None:
        return
    bad = found[newest]
    found[newest] = bad._replace(failed=True, restore=_seconds(last.end, back.end))


def _seconds(begin: datetime | None, end: datetime) -> float | None:
    return max(0.0, (end - begin).total_seconds()) if begin else None


def _day(at: datetime) -> date:
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).date()


def _days(since: datetime, until: datetime) -> tuple[date, ...]:
    first = _day(since)
    return tuple(first + timedelta(days=n) for n in range((_day(until) - first).days + 1))
