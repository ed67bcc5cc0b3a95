"""A chain: who is told first, and how well a member is that stands in several places."""

from itertools import product

import pytest

from pipeline.errors import Unreachable
from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Member, MemberState, Target
from runners.balancers.chain import Chain
from runners.patience import Patience
from runners.stand_ins.balancer import MemoryBalancer, MemoryEntrance
from runners.stand_ins.time import VirtualClock

ONE = Target("i-1", 80)
SERVING, PARKED = MemberState.SERVING, MemberState.PARKED


class Pair:
    """An outer and an inner one; what they are told stands in one list."""

    def __init__(self) -> None:
        clock = VirtualClock()
        self.outer, self.inner = MemoryEntrance(clock), MemoryEntrance(clock)
        self.told: list[str] = []
        for name, entrance in (("outer", self.outer), ("inner", self.inner)):
            entrance.hold(ONE)
            entrance.hook = lambda what, name=name: self.told.append(f"{name} {what}")
        quick = Patience(1.0, sleep=clock.sleep, clock=lambda: clock.now().timestamp())
        parts = [MemoryBalancer(entrance, patience=quick) for entrance in (self.outer, self.inner)]
        self.chain = Chain(LoadBalancer("both", BalancerKind.CHAIN, of=("outer", "inner")), parts)

    @property
    def begun(self) -> list[str]:
        return [one.replace(" before", "") for one in self.told if "before" in one]


def test_a_park_is_the_outermosts_alone():
    pair = Pair()
    pair.chain.park([ONE])

    assert pair.begun == ["outer park i-1:80"]


def test_admission_goes_from_the_inside_out():
    pair = Pair()
    for entrance in (pair.outer, pair.inner):
        entrance.places.clear()
    pair.chain.admit([ONE])

    assert pair.begun == ["inner add i-1:80", "outer add i-1:80"]


def test_nobody_is_let_in_while_the_inner_one_cannot_be_told():
    pair = Pair()
    pair.chain.park([ONE])
    pair.inner.up = False

    with pytest.raises(Unreachable):
        pair.chain.admit([ONE])
    assert pair.outer.places[ONE].parked


def test_removal_begins_where_requests_come_in():
    pair = Pair()
    pair.chain.remove([ONE])

    assert pair.begun == ["outer remove i-1:80", "inner remove i-1:80"]


class Said:
    def __init__(self, members: dict[Target, Member]) -> None:
        self.said = members

    def members(self) -> dict[Target, Member]:
        return self.said


@pytest.mark.parametrize(("outer", "inner"), list(product(MemberState, MemberState)))
def test_it_serves_only_where_all_of_them_serve(outer, inner):
    parts = [Said({ONE: Member(ONE, state)}) for state in (outer, inner)]

    found = Chain(LoadBalancer("both", BalancerKind.CHAIN), parts).members()[ONE]

    assert (found.state is SERVING) == (outer is inner is SERVING)


@pytest.mark.parametrize("inner", [MemberState.FAILING, MemberState.STARTING, MemberState.UNKNOWN, SERVING])
def test_one_that_is_parked_outside_is_parked_however_ill_it_is_inside(inner):
    parts = [Said({ONE: Member(ONE, PARKED)}), Said({ONE: Member(ONE, inner)})]

    assert Chain(LoadBalancer("both", BalancerKind.CHAIN), parts).members()[ONE].state is PARKED


def test_one_that_misses_somewhere_is_absent_and_one_without_our_mark_somewhere_is_not_ours():
    two = Target("i-2", 80)
    parts = [
        Said({ONE: Member(ONE, SERVING), two: Member(two, SERVING)}),
        Said({ONE: Member(ONE, SERVING, False)}),
    ]

    found = Chain(LoadBalancer("both", BalancerKind.CHAIN), parts).members()

    assert {target: member.ours for target, member in found.items()} == {ONE: False}
