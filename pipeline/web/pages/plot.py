"""A series of days as bars, or as dots and lines, with their places. Pure; drawn by a template.

One unit is a pixel on the narrowest phone, where a plot is as wide as its card. The scale begins at 0 and ends at a round
number, which is written on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

WIDTH, TOP, FLOOR = 320, 16, 96
EDGE = 4  # beside the first and the last day
FILL = 0.72  # of a day's width that its bar has
CROWD = 45  # days from which dots are small
NUMBERS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 80, 100, 200, 500, 1000)
MINUTE, HOUR, DAY = 60, 3600, 86400
SPANS = (
    *(1, 2, 5, 10, 20, 30),
    *(MINUTE * n for n in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(HOUR * n for n in (1, 2, 3, 4, 6, 8, 12)),
    *(DAY * n for n in (1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90)),
)


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    day: date
    value: int


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    day: date
    value: float


@dataclass(frozen=True)
class Curve:
    """`tone` is a class of the stylesheet. `path` joins neighbouring days alone: over a day without anything is no line."""

    tone: str
    dots: tuple[Dot, ...]
    path: str


@dataclass(frozen=True)
class Plot:
    first: date
    last: date
    ceiling: float
    bars: tuple[Bar, ...] = ()
    curves: tuple[Curve, ...] = ()

    @property
    def radius(self) -> float:
        return 2.0 if (self.last - self.first).days >= CROWD else 3.0


def bars_of(days: Sequence[date], values: Sequence[int]) -> Plot | None:
    """None where there is nothing to draw."""
    if not any(values):
        return None
    ceiling, step = _round_up(max(values), NUMBERS), _step(days)
    bars = [
        Bar(x - step * FILL / 2, _y(value, ceiling), step * FILL, FLOOR - _y(value, ceiling), day, value)
        for x, day, value in zip(_xs(days), days, values, strict=True)
        if value
    ]
    return Plot(days[0], days[-1], ceiling, bars=tuple(bars))


def curves_of(days: Sequence[date], series: Sequence[tuple[str, Sequence[float | None]]]) -> Plot | None:
    """A tone and its seconds for each."""
    known = [value for _, values in series for value in values if value is not None]
    if not known:
        return None
    ceiling = _round_up(max(known), SPANS)
    curves = [_curve(tone, days, values, ceiling) for tone, values in series]
    return Plot(days[0], days[-1], ceiling, curves=tuple(curves))


def _curve(tone: str, days: Sequence[date], values: Sequence[float | None], ceiling: float) -> Curve:
    points = [
        None if value is None else Dot(x, _y(value, ceiling), day, value)
        for x, day, value in zip(_xs(days), days, values, strict=True)
    ]
    path = "".join(_joined(points))
    return Curve(tone, tuple(point for point in points if point is not None), path)


def _joined(points: Sequence[Dot | None]) -> Iterator[str]:
    for there, run in groupby(points, key=lambda point: point is not None):
        dots = [dot for dot in run if dot is not None]
        if there and len(dots) > 1:
            yield "M" + "L".join(f"{dot.x:.1f} {dot.y:.1f}" for dot in dots)


def _xs(days: Sequence[date]) -> list[float]:
    step = _step(days)
    return [EDGE + step * (at + 0.5) for at in range(len(days))]


def _step(days: Sequence[date]) -> float:
    return (WIDTH - 2 * EDGE) / len(days)


def _y(value: float, ceiling: float) -> float:
    return FLOOR - (FLOOR - TOP) * value / ceiling


def _round_up(value: float, steps: Sequence[int]) -> float:
    return next((float(step) for step in steps if step >= value), value)
