"""What the average warm replica has, from counters at two moments. Pure.

A replica that was not seen before, or whose counters began anew, has no rate at this look; the others speak for it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import fmean

from pipeline.scaling.group import Measured, Sample
from pipeline.scaling.policy import Measure, Target


@dataclass(frozen=True)
class Limits:
    """Of one replica. 0: none."""

    cpus: float = 0.0
    memory: int = 0


def measured(
    target: Target,
    warm: Collection[str],
    before: Mapping[str, Sample],
    after: Mapping[str, Sample],
    limits: Limits,
) -> Measured:
    """Of any target but a query, which a Prometheus answers."""
    if target.measure is Measure.MEMORY and not limits.memory:
        return Measured(target, None, "the replicas have no limit; give one as run.memory in .shipway.yml")
    now = [(before.get(name), after[name]) for name in warm if name in after]
    values = [_value(target.measure, first, last, limits) for first, last in now]
    known = [value for value in values if value is not None]
    if known:
        return Measured(target, fmean(known))
    first_look = bool(now) and all(first is None for first, _ in now)
    return Measured(target, None, "this is the first look" if first_look else "no replica could be read")


def _value(measure: Measure, first: Sample | None, last: Sample, limits: Limits) -> float | None:
    if measure is Measure.MEMORY:
        return None if last.memory is None else 100 * last.memory / limits.memory
    if measure is Measure.CPU:
        cores = _rate(first, last, lambda sample: sample.cpu)
        return None if cores is None else 100 * cores / (limits.cpus or 1.0)
    return _rate(first, last, lambda sample: sample.requests)


def _rate(first: Sample | None, last: Sample, counter: Callable[[Sample], float | None]) -> float | None:
    if first is None:
        return None
    begin, end = counter(first), counter(last)
    seconds = (last.at - first.at).total_seconds()
    if begin is None or end is None or end < begin or seconds <= 0:
        return None
    return (end - begin) / seconds
