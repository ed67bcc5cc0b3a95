"""What the contract suite stands on: one kind of load balancer with three members of ours that serve, and what can be
done to the world around it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.fleet.balancer import LoadBalancer, MemberState, Target
from pipeline.ports import Balancer
from runners.membership import Membership, Wire
from runners.patience import Patience
from tests.parts.balancers.backend import Backend
from tests.parts.balancers.watched import Watched

QUICK = Patience(deadline=15.0, first=0.05, longest=0.3)
Build = Callable[[LoadBalancer, Patience], tuple[Balancer, list[Watched]]]


@dataclass
class Ground:
    """`clients`: the port where its users come in; 0: nothing real stands behind it. `more`: so many machines that exist,
    and are no members."""

    name: str
    entry: LoadBalancer
    build: Build
    backends: dict[Target, Backend | None]
    more: Callable[[int], list[Target]]
    clients: int = 0
    kept: bool = True  # its clients may keep their connections
    checks: bool = True  # it checks health
    fault: Callable[[str], None] | None = None  # throttled | broken | lost | busy: the next changes meet it
    odd: Callable[[Target], None] | None = None  # it says of this one what nobody knows
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self.targets = tuple(self.backends)
        self.balancer, self.watched = self.build(self.entry, QUICK)

    def other_team(self) -> Balancer:
        """The same load balancer by another entry, whose mark our members do not carry."""
        return self.build(replace(self.entry, name="theirs"), QUICK)[0]

    def impatient(self) -> Balancer:
        """Ours, that gives up soon."""
        return self.build(self.entry, Patience(deadline=0.5, first=0.05, longest=0.1))[0]

    @property
    def changes(self) -> list[tuple[str, tuple[Target, ...]]]:
        return [change for one in self.watched for change in one.changes]

    @property
    def broken_rules(self) -> list[str]:
        return [fault for one in self.watched for fault in one.faults]

    def opened(self) -> "Ground":
        """With its members serving, and nothing else told of it."""
        self.balancer.admit(self.targets)
        self.serving()
        self.forget()
        return self

    def forget(self) -> None:
        """What was changed until now."""
        for one in self.watched:
            one.changes.clear()

    def state(self, target: Target) -> MemberState:
        found = self.balancer.members().get(target)
        return found.state if found else MemberState.ABSENT

    def until(self, what: str, done: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{self.name}: not {what} within {seconds:g} s"
            self.pause(0.05)

    def serving(self, targets: Sequence[Target] = ()) -> None:
        """Wait until all of these (all of ours) serve."""
        for target in targets or self.targets:
            self.until(f"serving {target}", lambda one=target: self.state(one) is MemberState.SERVING)

    def out(self, target: Target) -> None:
        """Wait until nothing is under way there, as far as it knows."""
        quiet = (MemberState.PARKED, MemberState.ABSENT)
        self.until(f"through with {target}", lambda: self.state(target) in quiet)


def watching(wire: Callable[[LoadBalancer], Wire]) -> Build:
    """A balancer over such a wire, looked at."""

    def build(entry: LoadBalancer, patience: Patience) -> tuple[Balancer, list[Watched]]:
        watched = Watched(wire(entry))
        return Membership(entry, watched, patience), [watched]

    return build
