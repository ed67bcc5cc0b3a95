"""The discipline of every change, over a wire that does what it is told, or does not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, Capabilities, LoadBalancer, Member, MemberState, Target
from runners.membership import Membership, Reading
from runners.patience import Patience
from runners.stand_ins.balancer import USUAL

ENTRY = LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-1")
ONE, TWO, OTHERS = Target("i-1", 80), Target("i-2", 80), Target("i-9", 80)


class Told:
    """Implements `runners.membership.Wire`. `deaf`: it takes orders and does nothing. `breaks`: after so many orders."""

    batch = 1
    keeps_parked = True

    def __init__(self) -> None:
        serving = MemberState.SERVING
        self.members = {t: Member(t, serving, ours=t != OTHERS) for t in (ONE, TWO, OTHERS)}
        self.orders: list[str] = []
        self.deaf = False
        self.breaks = 99
        self.asked = 0

    def capabilities(self) -> Capabilities:
        self.asked += 1
        return USUAL

    def read(self) -> Reading:
        return Reading(dict(self.members))

    def check(self, target: Target) -> None: ...

    def park(self, targets: Sequence[Target]) -> None:
        self._turn("park", targets, MemberState.PARKED)

    def admit(self, targets: Sequence[Target]) -> None:
        self._turn("admit", targets, MemberState.SERVING)

    def add(self, targets: Sequence[Target]) -> None:
        self._turn("add", targets, MemberState.STARTING)

    def remove(self, targets: Sequence[Target]) -> None:
        self._turn("remove", targets, MemberState.ABSENT)

    def adoption(self, targets: Sequence[Target]) -> str:
        return "Mark it."

    def _turn(self, verb: str, targets: Sequence[Target], state: MemberState) -> None:
        self.orders += [f"{verb} {target.id}" for target in targets]
        if not self.deaf:
            for target in targets:
                self.members[target] = replace(self.members.get(target, Member(target, state)), state=state)
        if len(self.orders) == self.breaks:
            raise Unreachable("The connection was closed.")


@pytest.fixture
def wire() -> Told:
    return Told()


@pytest.fixture
def balancer(wire: Told) -> Membership:
    time = [0.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    return Membership(ENTRY, wire, Patience(5.0, sleep=sleep, clock=lambda: time[0], share=lambda: 1.0))


def test_an_answer_lost_in_the_middle_leads_to_the_rest_only(balancer: Membership, wire: Told):
    wire.breaks = 1
    balancer.park([ONE, TWO])

    assert wire.orders == ["park i-1", "park i-2"]


def test_an_order_that_has_no_effect_is_told_in_the_end(balancer: Membership, wire: Told):
    wire.deaf = True

    with pytest.raises(Unreachable, match=r"took the order to park, but i-1:80 is serving\. Tried \d times"):
        balancer.park([ONE])


def test_nothing_is_changed_when_one_of_several_is_somebody_elses(balancer: Membership, wire: Told):
    with pytest.raises(Rejected, match=r"cannot park i-9:80: without our mark .* left alone\. Mark it\."):
        balancer.park([ONE, OTHERS])

    assert wire.orders == []


def test_an_absent_one_is_added_and_a_parked_one_admitted(balancer: Membership, wire: Told):
    balancer.park([ONE])
    balancer.admit([ONE, Target("i-3", 80)])

    assert wire.orders == ["park i-1", "admit i-1", "add i-3"]


def test_one_of_which_it_says_what_nobody_knows_is_admitted_again_and_not_waited_for(
    balancer: Membership, wire: Told
):
    wire.members[ONE] = Member(ONE, MemberState.UNKNOWN)
    wire.deaf = True
    balancer.admit([ONE])

    assert wire.orders == ["admit i-1"]


def test_settings_are_asked_for_once_a_minute(balancer: Membership, wire: Told):
    for _ in range(5):
        assert balancer.capabilities() == USUAL

    assert wire.asked == 1
