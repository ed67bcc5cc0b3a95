"""What scaling does on four loads beside the naive rule ceil(n x measured / target) at every look: actions, turns, overloaded
minutes and node-minutes. Looks every 15 s with 8 % noise; a new member takes 90 s until it serves. Needs no lab, and the
same dice are thrown for both."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from pipeline.scaling.decide import decide
from pipeline.scaling.group import Group, Measured, Member, Memory
from pipeline.scaling.policy import Measure, Scaling, Target

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = 15  # seconds
BOOT = 90  # seconds
NOISE = 0.08
FULL = 100.0  # a member that has more is overloaded
TARGET = Target(Measure.CPU, 60.0)
POLICY = Scaling(1, 10, (TARGET,))
DAY = [60 + 180 * max(0.0, math.sin((minute - 480) / 720 * math.pi)) for minute in range(1440)]
SAWTOOTH = [130.0 if (minute // 4) % 2 else 70.0 for minute in range(240)]
CROWD = [110.0] * 60 + [420.0] * 40 + [110.0] * 120
CURVES = {"daily curve": DAY, "sawtooth, 4 min": SAWTOOTH, "flash crowd": CROWD}

Rule = Callable[[Group, float, datetime], int]


@dataclass
class Outcome:
    actions: int = 0
    turns: int = 0  # from growing to shrinking, or back
    overloaded: float = 0.0  # minutes
    nodes: float = 0.0  # node-minutes


def naive(group: Group, measured: float, now: datetime) -> int:
    want = math.ceil(group.size * measured / TARGET.value)
    return max(POLICY.minimum, min(POLICY.maximum, want))


def ours(policy: Scaling = POLICY) -> Rule:
    memory = [Memory()]

    def rule(group: Group, measured: float, now: datetime) -> int:
        decision = decide(policy, memory[0], group, [Measured(TARGET, measured)], now)
        memory[0] = decision.memory
        return decision.want

    return rule


def simulated(curve: Sequence[float], rule: Rule, most: float = math.inf, seed: int = 1) -> Outcome:
    """`most`: more than this a member cannot show, as with CPU."""
    dice, found, direction = Random(seed), Outcome(), 0  # noqa: S311
    born = [BEGIN - timedelta(days=1)] * 2
    for second in range(0, len(curve) * 60, EVERY):
        now = BEGIN + timedelta(seconds=second)
        serving = [at for at in born if (now - at).total_seconds() >= BOOT]
        load = curve[second // 60] * (1 + dice.uniform(-NOISE, NOISE))
        measured = load / max(1, len(serving))
        found.overloaded += EVERY / 60 * (measured > FULL)
        found.nodes += EVERY / 60 * len(born)
        members = tuple(Member(str(n), at, ready=at in serving) for n, at in enumerate(born))
        want = rule(Group(len(born), members), min(measured, most), now)
        step = (want > len(born)) - (want < len(born))
        found.actions += step != 0
        found.turns += step * direction < 0
        direction = step or direction
        born = (born + [now] * want)[:want]
    return found


def main() -> int:
    print(f"{'load':>18}{'rule':>9}{'actions':>9}{'turns':>7}{'overloaded min':>16}{'node-minutes':>14}")
    for name, curve in CURVES.items():
        _print(name, simulated(curve, naive), simulated(curve, ours()))
    print("the same with a measure that shows no more than 100 %, as CPU does")
    _print("flash crowd", simulated(CROWD, naive, FULL), simulated(CROWD, ours(), FULL))
    return 0


def _print(name: str, before: Outcome, after: Outcome) -> None:
    for rule, one in (("naive", before), ("ours", after)):
        print(f"{name:>18}{rule:>9}{one.actions:9}{one.turns:7}{one.overloaded:16.1f}{one.nodes:14.0f}")
    print(
        f"{'':>18}{'ratio':>9}{after.actions / max(1, before.actions):9.2f}{'':>23}{after.nodes / before.nodes:14.2f}"
    )


if __name__ == "__main__":
    main()
