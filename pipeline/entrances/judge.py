"""RULE: which regions go out and which come back, by what was seen of them. Pure.

Slow to believe on both sides: so many bad looks in a row, so many good ones, and some time between two changes. When all
that serve look sick at once it is more likely that we see nothing: then nothing changes, and that is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.entrances.entrance import HealthRule, Sight, Standing
from pipeline.entrances.plan import most_at_once


@dataclass(frozen=True)
class Verdict:
    """`blind`: why nothing was judged; empty: it was. `went` and `came`: what is new."""

    standings: tuple[Standing, ...]
    went: tuple[str, ...] = ()
    came: tuple[str, ...] = ()
    blind: str = ""


def judge(
    rule: HealthRule, standings: Mapping[str, Standing], sights: Sequence[Sight], shares: Mapping[str, int],
    now: datetime,
) -> Verdict:  # fmt: skip
    """`shares` are the file's: a region with none of them serves nobody, and is only counted."""
    known = {sight.region: standings.get(sight.region, Standing(sight.region)) for sight in sights}
    eligible = [name for name, one in known.items() if shares.get(name) and not one.parked]
    sick = [sight for sight in sights if not sight.well and sight.region in eligible]
    if eligible and len(sick) == len(eligible):
        seen = [replace(known[s.region], why=s.why if not s.well else "", seen_at=now) for s in sights]
        return Verdict(tuple(seen), blind=_blind(sick))
    counted = {sight.region: _counted(known[sight.region], sight, now) for sight in sights}
    went = _went(rule, counted, eligible, now)
    came = [name for name in counted if _comes(rule, counted[name], now)]
    for name in went:
        counted[name] = replace(counted[name], out=True, changed_at=now)
    for name in came:
        counted[name] = replace(counted[name], out=False, changed_at=now)
    return Verdict(tuple(counted.values()), tuple(went), tuple(came))


def _blind(sick: Sequence[Sight]) -> str:
    said = "; ".join(f"{sight.region}: {sight.why}" for sight in sick)
    if len(sick) == 1:
        return f"{sick[0].region} is the last that serves and looks sick ({sick[0].why}); it is not taken out"
    return f"every region looks sick, so it is rather the way from here that is broken; nothing is changed ({said})"


def _counted(standing: Standing, sight: Sight, now: datetime) -> Standing:
    if sight.well:
        return replace(standing, good=standing.good + 1, bad=0, why="", seen_at=now)
    return replace(standing, bad=standing.bad + 1, good=0, why=sight.why, seen_at=now)


def _went(
    rule: HealthRule, counted: Mapping[str, Standing], eligible: Sequence[str], now: datetime
) -> list[str]:
    """The sickest first, no more at once than a change may touch, and never the last."""
    serving = [name for name in eligible if not counted[name].out]
    ill = [n for n in serving if counted[n].bad >= rule.out_after and _rested(rule, counted[n], now)]
    most = min(most_at_once(len(counted)), len(serving) - 1)
    return sorted(ill, key=lambda name: -counted[name].bad)[: max(0, most)]


def _comes(rule: HealthRule, standing: Standing, now: datetime) -> bool:
    return standing.out and standing.good >= rule.in_after and _rested(rule, standing, now)


def _rested(rule: HealthRule, standing: Standing, now: datetime) -> bool:
    return standing.changed_at is None or now - standing.changed_at >= timedelta(seconds=rule.hold)


def sight_of(region: str, own: str, others: Iterable[str], members: str) -> Sight:
    """Of one region: what our own probe, further ones and its load balancer found wrong; empty: well. Outside, the
    majority decides, so that one broken place from which is looked takes nobody out."""
    views = [own, *others]
    wrong = [view for view in views if view]
    if members:
        return Sight(region, False, members)
    if 2 * len(wrong) > len(views):
        return Sight(region, False, wrong[0])
    return Sight(region, True)
