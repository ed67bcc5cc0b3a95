"""Whether a group grows or shrinks now, and why: target tracking with evidence, warm-up, cooldown and bounds. Pure.

size wanted = ceil(warm members x measured / target), the largest of all targets. It grows when one target was exceeded
by more than the tolerance at `out_after` looks in a row, to the least that these wanted: one odd reading moves nothing. It
shrinks when all targets were missed by more than the tolerance at `in_after` looks in a row, to the most that any look of
the last cooldown wanted, and never by more than half at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from pipeline.scaling.group import ACTS, QUIET, Decision, Figure, Group, Measured, Member, Memory, Verdict
from pipeline.scaling.policy import Bounds, Scaling

APART = 1 / 3  # of the time from look to look: nearer ones are one look
STALE = 120.0  # seconds; looks further apart are not "in a row"
MOST_UNREADY = 0.45  # of a group: then it is sick, and its measures say nothing
FEW_UNREADY = 1  # so many may always be
ROUNDING = 1e-9


@dataclass(frozen=True)
class _Look:
    """The arguments of `decide`, and what follows from them at once."""

    policy: Scaling
    group: Group
    bounds: Bounds
    measured: Sequence[Measured]
    memory: Memory
    now: datetime

    @property
    def size(self) -> int:
        return self.group.size

    def warm(self, member: Member) -> bool:
        return member.ready and member.age(self.now) >= self.policy.warm_up

    @property
    def warming(self) -> bool:
        return any(member.age(self.now) < self.policy.warm_up for member in self.group.members)

    @property
    def warm_members(self) -> int:
        return sum(self.warm(member) for member in self.group.members)

    def holds(self, verdict: Verdict, reason: str) -> Decision:
        return Decision(verdict, self.size, reason, self.memory)

    def turns(self, verdict: Verdict, want: int, reason: str) -> Decision:
        return Decision(verdict, want, reason, replace(self.memory.rested(), changed_at=self.now))


def decide(
    policy: Scaling,
    memory: Memory,
    group: Group,
    measured: Sequence[Measured],
    now: datetime,
    frozen: str = "",
) -> Decision:
    """`frozen`: why nothing may be changed now, such as a deployment under way."""
    look = _Look(policy, group, policy.bounds(now), measured, _fresh(memory, policy, now), now)
    decision = _stopped(look, frozen) or _outside(look) or _tracked(look)
    return replace(decision, memory=_noted(decision, look))


def is_due(memory: Memory | None, now: datetime, every: float) -> bool:
    """Two looks at one moment, as when another scheduler has just taken the lead, are no two pieces of evidence."""
    return memory is None or memory.at is None or (now - memory.at).total_seconds() >= APART * every


def notable(before: Memory, decision: Decision) -> bool:
    """Is it a line of the history: a change, or something that holds one back since this look?"""
    if decision.verdict in ACTS:
        return True
    if decision.verdict in QUIET or decision.verdict is before.verdict:
        return False
    busy = any((figure.value or 0.0) > figure.target for figure in decision.memory.figures)
    return busy or decision.verdict is not Verdict.FROZEN


def _fresh(memory: Memory, policy: Scaling, now: datetime) -> Memory:
    """Without what is too old to be evidence."""
    since = now - timedelta(seconds=policy.cooldown)
    last = memory.wanted[-policy.out_after :]
    wanted = tuple(one for one in memory.wanted if one[0] >= since or one in last)
    kept = replace(memory, wanted=wanted)
    gap = memory.at is None or (now - memory.at).total_seconds() > STALE
    return kept.rested() if gap else kept


def _noted(decision: Decision, look: _Look) -> Memory:
    return replace(
        decision.memory,
        at=look.now,
        verdict=decision.verdict,
        reason=decision.reason,
        size=decision.want,
        low=look.bounds.low,
        high=look.bounds.high,
        figures=tuple(Figure(m.target.measure, m.target.value, m.value, m.why) for m in look.measured),
    )


# ------------------------------------------------------------------------------------------------ whatever is measured


def _stopped(look: _Look, frozen: str) -> Decision | None:
    rested = replace(look, memory=look.memory.rested())
    if frozen:
        return rested.holds(Verdict.FROZEN, frozen)
    members = look.group.members
    sick = sum(not member.ready and member.age(look.now) >= look.policy.warm_up for member in members)
    if sick > FEW_UNREADY and sick > MOST_UNREADY * len(members):
        return rested.holds(
            Verdict.HALTED,
            f"{sick} of {len(members)} are not ready, so what the others have says nothing; look at them first",
        )
    return None


def _outside(look: _Look) -> Decision | None:
    low, high = look.bounds.low, look.bounds.high
    why = f" ({look.bounds.why})" if look.bounds.why else ""
    if look.size < low:
        return look.turns(Verdict.OUT, low, f"at least {low} are to run{why}")
    if look.size > high and look.policy.protect:
        return look.holds(
            Verdict.PROTECTED, f"at most {high} are to run{why}, and it may not shrink by itself"
        )
    if look.size > high:
        return look.turns(Verdict.IN, high, f"at most {high} are to run{why}")
    return None


# ------------------------------------------------------------------------------------------------ by targets


def _tracked(look: _Look) -> Decision:
    if not look.policy.targets:
        return look.holds(Verdict.STEADY, "its schedules alone decide")
    known = [one for one in look.measured if one.value is not None]
    if not look.warm_members:
        return replace(look, memory=look.memory.rested()).holds(Verdict.WARMING, "nobody is warm yet")
    if not known:
        rested = replace(look, memory=look.memory.rested())
        first = look.memory.at is None
        return rested.holds(Verdict.WARMING if first else Verdict.NO_DATA, _missing(look))
    look = replace(look, memory=_counted(look, known))
    if look.memory.above >= look.policy.out_after:
        return _grow(look, known)
    if look.memory.below >= look.policy.in_after:
        return _shrink(look, known)
    return _waiting(look, known)


def _counted(look: _Look, known: Sequence[Measured]) -> Memory:
    """It shrinks only when everything is known, and nobody is on the way up."""
    memory, tolerance = look.memory, look.policy.tolerance
    above = any(one.ratio > 1 + tolerance for one in known)
    whole = len(known) == len(look.policy.targets) and not look.warming
    below = whole and all(one.ratio < 1 - tolerance for one in known)
    return replace(
        memory,
        above=memory.above + 1 if above else 0,
        below=memory.below + 1 if below else 0,
        wanted=(*memory.wanted, (look.now, _asked(look, known))),
    )


def _grow(look: _Look, known: Sequence[Measured]) -> Decision:
    asked = min(size for _, size in look.memory.wanted[-look.policy.out_after :])
    want = look.bounds.clamp(max(look.size, asked))
    worst = max(known, key=lambda one: one.ratio)
    reason = f"{_said(worst)} for {_looks(look.memory.above)}"
    if want > look.size:
        return look.turns(Verdict.OUT, want, reason)
    if asked > look.size:
        return look.holds(
            Verdict.AT_MAX, f"{reason}: {asked} are wanted and at most {look.bounds.high} allowed"
        )
    return look.holds(Verdict.WARMING, f"{reason}: those that are not warm are counted on")


def _shrink(look: _Look, known: Sequence[Measured]) -> Decision:
    since = look.now - timedelta(seconds=look.policy.cooldown)
    lately = max(size for at, size in look.memory.wanted if at >= since)
    want = look.bounds.clamp(max(min(lately, look.size), look.size // 2))
    nearest = max(known, key=lambda one: one.ratio)
    reason = f"{_said(nearest)} for {_looks(look.memory.below)}"
    if want >= look.size:
        at_min = look.size <= look.bounds.low
        verdict, why = (
            (Verdict.AT_MIN, "it is the least") if at_min else (Verdict.STEADY, "fewer would not do")
        )
        return look.holds(verdict, f"{reason}: {why}")
    if look.policy.protect:
        return look.holds(Verdict.PROTECTED, f"{reason}: {want} would do, and it may not shrink by itself")
    if (left := _cooling(look)) > 0:
        return look.holds(
            Verdict.COOLING, f"{reason}: {want} would do, after a cooldown of {left:.0f} s more"
        )
    return look.turns(Verdict.IN, want, reason)


def _waiting(look: _Look, known: Sequence[Measured]) -> Decision:
    above, below = look.memory.above, look.memory.below
    if above:
        worst = max(known, key=lambda one: one.ratio)
        return look.holds(Verdict.COUNTING, f"{_said(worst)}: look {above} of {look.policy.out_after}")
    if len(known) < len(look.policy.targets):
        return look.holds(Verdict.NO_DATA, _missing(look))
    if below:
        nearest = max(known, key=lambda one: one.ratio)
        return look.holds(Verdict.COUNTING, f"{_said(nearest)}: look {below} of {look.policy.in_after}")
    return look.holds(Verdict.STEADY, "near its targets")


def _asked(look: _Look, known: Iterable[Measured]) -> int:
    """The size at which every target is met."""
    members = max(ceil(look.warm_members * one.ratio - ROUNDING) for one in known)
    return ceil(members / max(1, look.group.spread))


def _cooling(look: _Look) -> float:
    """Seconds until it may shrink."""
    changes = [at for at in (look.memory.changed_at, look.group.changed_at) if at is not None]
    past = min(((look.now - at).total_seconds() for at in changes), default=float("inf"))
    return look.policy.cooldown - past


def _missing(look: _Look) -> str:
    silent = [one for one in look.measured if one.value is None]
    told = "; ".join(f"{one.target.measure}: {one.why}" for one in silent) or "nothing was measured"
    return f"without data it never shrinks: {told}"


def _said(one: Measured) -> str:
    side = "more" if one.ratio > 1 else "less"
    return f"{one.target.measure} is {one.target.said(one.value or 0.0)}, {side} than {one.target.said(one.target.value)}"


def _looks(count: int) -> str:
    return f"{count} look{'s' * (count > 1)} in a row"
