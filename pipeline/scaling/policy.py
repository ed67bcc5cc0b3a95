"""How a group of replicas, or of hosts, may grow and shrink by itself: bounds, targets, periods. Nouns only.

A group has a `size`. Of a service it is the replicas on each of its hosts, of a pool its hosts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.fleet.metric import Criterion
from pipeline.fleet.window import Freeze, Window


class Measure(StrEnum):
    CPU = "cpu"  # % of the limit; of one core where there is none
    MEMORY = "memory"  # % of the limit
    REQUESTS = "requests"  # a second
    QUERY = "query"  # what a Prometheus says


UNITS = {Measure.CPU: " %", Measure.MEMORY: " %", Measure.REQUESTS: " a second", Measure.QUERY: ""}


@dataclass(frozen=True)
class Target:
    """What the average member should have. `criterion`: where a query is asked."""

    measure: Measure
    value: float
    criterion: Criterion | None = None

    def said(self, value: float) -> str:
        return f"{value:.3g}{UNITS[self.measure]}"


@dataclass(frozen=True)
class Period:
    """Other bounds for a while: in a window that comes back, or once (`span`). None: that bound stays."""

    minimum: int | None = None
    maximum: int | None = None
    window: Window | None = None
    span: Freeze | None = None
    why: str = ""

    def holds(self, now: datetime) -> bool:
        if self.window is not None:
            return self.window.is_open(now)
        return self.span is not None and self.span.covers(now)


@dataclass(frozen=True)
class Bounds:
    low: int
    high: int
    why: str = ""  # of the period that set one of them

    def clamp(self, size: int) -> int:
        return max(self.low, min(self.high, size))


@dataclass(frozen=True)
class Scaling:
    """`out_after` and `in_after` are looks that agree, one after the other. Times in seconds."""

    minimum: int
    maximum: int
    targets: tuple[Target, ...] = ()
    periods: tuple[Period, ...] = ()
    out_after: int = 3
    in_after: int = 15
    warm_up: float = 60.0  # a new member does not count before
    cooldown: float = (
        300.0  # after any change it does not shrink, and it never shrinks below what it wanted since
    )
    tolerance: float = 0.1  # so near to the target nothing is done
    protect: bool = False  # never shrinks by itself

    def bounds(self, now: datetime) -> Bounds:
        """Of the periods that hold, the last one that sets a bound counts."""
        holding = [period for period in self.periods if period.holds(now)]
        low = _last([period.minimum for period in holding], self.minimum)
        high = _last([period.maximum for period in holding], self.maximum)
        why = next((period.why for period in reversed(holding) if period.why), "")
        return Bounds(low, max(low, high), why)


def _last(found: Sequence[int | None], default: int) -> int:
    return next((value for value in reversed(found) if value is not None), default)
