"""What a pool needs now: machines that are launched, adopted, extended, emptied, deleted, and why not all at once. Pure.

At most 30 % of a pool, and at least one machine, changes at a time; the rest waits its turn or for force. What looks like the
loss of more than that is rather a wrong region or key, and is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.pools.judge import judged, orphans
from pipeline.pools.pool import Machine, Pool, State
from pipeline.pools.sight import Deed, Plan, Sight, Step
from pipeline.scaling.group import Member
from pipeline.scaling.pick import pick

SHARE = 0.3  # of a pool may change at once
FIRST, LONGEST = timedelta(minutes=5), timedelta(minutes=30)  # of the waiting after machines that failed
FORCE = "`shipway hosts plan --force` lets it happen all the same"


@dataclass(frozen=True)
class _Numbers:
    """`steps` change how many there are; `held` says why they are not more."""

    steps: tuple[Step, ...] = ()
    held: str = ""
    refused: bool = False


def plan(sight: Sight, now: datetime) -> Plan:
    found = [step for machine in sight.machines if (step := judged(machine, sight, now))]
    losses = [step for step in found if _is_loss(step)]
    refused = _refused_losses(losses, sight)
    steps = [step for step in found if not (refused and step in losses)]
    stays = _stay(sight, steps)
    past = _past(sight, steps, now)
    numbers = _Numbers(held=refused, refused=True) if refused else _numbers(stays, sight, past, now)
    leaving = {step.machine for step in numbers.steps if step.deed is Deed.LEAVE}
    kept = [step for step in steps if step.machine not in leaving]
    held = "; ".join(filter(None, (sight.trouble, numbers.held)))
    return Plan(
        sight.pool.name,
        sight.target,
        (*kept, *numbers.steps, *orphans(sight, now)),
        held,
        numbers.refused,
    )


def allowance(size: int) -> int:
    """So many machines of a pool of this size may change at once."""
    return max(1, int(size * SHARE))


def refusal(pool: Pool, before: int, after: int) -> str:
    """Why a person may not change so much in one go; empty when it is little enough."""
    changes, most = abs(after - before), allowance(max(before, after))
    if changes <= most:
        return ""
    return (
        f"From {before} to {after} machines is a change of {changes} at once, and pool {pool.name} takes {most} "
        f"(30 %, at least one). Go in smaller steps, or say --force."
    )


def waits_until(past: Sequence[Machine], machines: Sequence[Machine]) -> datetime | None:
    """Until when no machine is wished for, after some that failed one after the other (newest first)."""
    failures = 0
    for machine in past:
        if not machine.failed:
            break
        failures += 1
    if not failures or any(m.ready_at and m.ready_at > past[0].since for m in machines):
        return None
    until: datetime = past[0].since + min(LONGEST, FIRST * 2 ** min(failures - 1, 8))
    return until


def _is_loss(step: Step) -> bool:
    """A machine that served is gone without our doing."""
    machine = step.machine
    return step.deed is Deed.LEAVE and machine is not None and machine.state is State.READY


def _refused_losses(losses: Sequence[Step], sight: Sight) -> str:
    taken = [step for step in losses if step.why.startswith("its cloud takes it away")]
    lost, ready = len(losses) - len(taken), sum(m.state is State.READY for m in sight.machines)
    if sight.forced or lost <= allowance(ready):
        return ""
    return (
        f"{lost} of {ready} machines seem to be gone ({losses[0].why}). Nothing is done about it: see whether region, "
        f"endpoint and access key of the pool are still right; {FORCE}"
    )


def _stay(sight: Sight, steps: Sequence[Step]) -> list[Machine]:
    going = {step.machine for step in steps if step.deed in (Deed.LEAVE, Deed.GIVE_UP)}
    return [m for m in sight.machines if m.state is not State.LEAVING and m not in going]


def _past(sight: Sight, steps: Sequence[Step], now: datetime) -> list[Machine]:
    """Also those that fail in this moment, and those that failed and are not quite gone. The newest first."""
    failing = [replace(s.machine, since=now, failed=True) for s in steps if s.machine and s.failed]
    leaving = [m for m in sight.machines if m.state is State.LEAVING and m.failed]
    return sorted((*failing, *leaving, *sight.past), key=lambda m: m.since, reverse=True)


def _numbers(stays: Sequence[Machine], sight: Sight, past: Sequence[Machine], now: datetime) -> _Numbers:
    need = sight.target - len(stays)
    if need > 0:
        return _more(need, stays, sight, past, now)
    return _fewer(-need, stays, sight, now) if need < 0 else _Numbers()


def _more(
    need: int, stays: Sequence[Machine], sight: Sight, past: Sequence[Machine], now: datetime
) -> _Numbers:
    until = waits_until(past, sight.machines)
    if until is not None and now < until:
        why = past[0].error or past[0].why
        return _Numbers(held=f"{need} more wait until {until:%H:%M} UTC, since the last one failed: {why}")
    if sight.instances is None:
        return _Numbers(held=f"{need} more wait until the cloud answers")
    coming = sum(machine.coming for machine in stays)
    room = need if sight.forced else max(0, allowance(sight.target) - coming)
    count = min(need, room)
    why = f"{sight.target} are wanted{_because(sight)}, {len(stays)} there"
    held = f"{need - count} more wait until those that come are ready ({FORCE})" if count < need else ""
    return _Numbers((Step(Deed.WISH, why),) * count, held, refused=count < need)


def _fewer(surplus: int, stays: Sequence[Machine], sight: Sight, now: datetime) -> _Numbers:
    most = allowance(len(stays))
    if surplus > most and not sight.forced and _of_the_file(sight):
        held = (
            f"refused: shipway.yml allows {sight.target} machines and there are {len(stays)}; more than {most} "
            f"at once are not deleted; {FORCE}"
        )
        return _Numbers(held=held, refused=True)
    leaving = sum(m.state is State.LEAVING and not m.failed for m in sight.machines)
    room = surplus if sight.forced else max(0, min(surplus, most - leaving))
    chosen = _pick(stays, sight, now)[:room]
    why = f"{sight.target} are wanted{_because(sight)}, {len(stays)} there"
    held = _kept_back(surplus, room, chosen)
    return _Numbers(tuple(_left(machine, why) for machine in chosen), held, refused=room < surplus)


def _kept_back(surplus: int, room: int, chosen: Sequence[Machine]) -> str:
    if len(chosen) == surplus:
        return ""
    if len(chosen) < room:
        return f"{surplus - len(chosen)} more cannot go: those that are left are protected, needed, or not known yet"
    return f"{surplus - room} more go when those that leave are gone ({FORCE})"


def _left(machine: Machine, why: str) -> Step:
    return Step(Deed.LEAVE, why, machine, machine.instance)


def _pick(stays: Sequence[Machine], sight: Sight, now: datetime) -> list[Machine]:
    """Who goes first, of those whose answer the cloud does not owe and that could not go a moment ago."""
    free = {m.name: m for m in stays if m.state is not State.LAUNCHING and not _stuck(m, now)}
    members = [_member(machine, sight) for machine in free.values()]
    return [free[name] for name in pick(members, len(members))]


def _member(machine: Machine, sight: Sight) -> Member:
    entry = sight.joined.get(machine.name)
    return Member(
        machine.name,
        machine.wished_at,
        ready=machine.state is State.READY and machine.name not in sight.silent,
        protected=entry is not None and entry.protected,
        busy=sight.busy.get(machine.name, 0),
    )


def _stuck(machine: Machine, now: datetime) -> bool:
    return machine.state is State.READY and bool(machine.error) and now - machine.since < FIRST


def _of_the_file(sight: Sight) -> bool:
    """The number comes from `min` and `max`, not from whoever said how many."""
    return sight.wanted is None or sight.target != sight.wanted.machines


def _because(sight: Sight) -> str:
    if sight.wanted is None or _of_the_file(sight):
        return " by shipway.yml"
    why = f": {sight.wanted.why}" if sight.wanted.why else ""
    return f" by {sight.wanted.by}{why}"
