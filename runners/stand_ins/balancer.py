"""A load balancer in memory, for the rollout's stories, dry runs and tests: members whose states move with the clock.

It keeps the contract of `pipeline.ports.Balancer` with the same discipline as the real ones. What it never does is judge:
whether an order was wise is for who tells the story.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, Capabilities, LoadBalancer, Member, MemberState, Target
from runners.membership import Membership, Reading
from runners.patience import Patience
from runners.stand_ins.time import VirtualClock

USUAL = Capabilities(
    weights=True,
    native_drain=False,
    health_while_parked=False,
    batch=20,
    drain=3.0,
    settle=1.0,
    healthy_after=2.0,
)


@dataclass
class Place:
    """A member. `since`: its admission, or its parking. `owner`: the entry whose mark it carries."""

    since: datetime
    parked: bool = False
    owner: str = "entry"


@dataclass
class MemoryEntrance:
    """Nothing in it is hidden: tests set what they need and read what they want to know."""

    clock: VirtualClock
    can: Capabilities = USUAL
    effect: float = 0.1  # seconds that a call takes
    places: dict[Target, Place] = field(default_factory=dict)
    ill: set[Target] = field(default_factory=set)  # fail its health check
    odd: set[Target] = field(default_factory=set)  # say what nobody knows
    up: bool = True
    refuses: str = ""  # it answers no, with these words
    throttled: int = 0  # so many calls are turned away
    lose_answers: int = 0  # the next changes are made, but their answers never arrive
    deeds: list[str] = field(default_factory=list)
    hook: Callable[[str], None] = lambda _: None  # where tests kill the driver

    def hold(self, *targets: Target, owner: str = "entry") -> None:
        """Members for a long time already."""
        for target in targets:
            self.places[target] = Place(datetime.min.replace(tzinfo=self.clock.now().tzinfo), owner=owner)

    def state(self, target: Target) -> MemberState:
        place = self.places.get(target)
        if place is None:
            return MemberState.ABSENT
        if place.parked:
            drained = self._age(place) >= self.can.drain
            return MemberState.PARKED if drained else MemberState.DRAINING
        if target in self.odd:
            return MemberState.UNKNOWN
        if self._age(place) < self.can.healthy_after:
            return MemberState.STARTING
        return MemberState.FAILING if target in self.ill else MemberState.SERVING

    def reached(self, target: Target) -> bool:
        """Whether new requests go there: after a parking for as long as the data path needs to obey."""
        place = self.places.get(target)
        if place is None:
            return False
        if place.parked:
            return self._age(place) < self.can.settle
        return self.state(target) is MemberState.SERVING

    def _age(self, place: Place) -> float:
        return (self.clock.now() - place.since).total_seconds()


class MemoryBalancer(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(
        self, entrance: MemoryEntrance, entry: LoadBalancer | None = None, patience: Patience | None = None
    ) -> None:
        clock = entrance.clock
        waits = Patience(sleep=clock.sleep, clock=lambda: clock.now().timestamp(), share=lambda: 1.0)
        entry = entry or LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-1")
        super().__init__(entry, MemoryWire(entrance, entry), patience or waits)
        self.entrance = entrance


class MemoryWire:
    """Implements `runners.membership.Wire`."""

    def __init__(self, entrance: MemoryEntrance, entry: LoadBalancer) -> None:
        self._entrance = entrance
        self._owner = entry.name
        self._name = f"Load balancer {entry.name}"
        self.batch = entrance.can.batch
        self.keeps_parked = entrance.can.weights

    def capabilities(self) -> Capabilities:
        self._ask()
        return replace(self._entrance.can)

    def read(self) -> Reading:
        self._ask()
        entrance = self._entrance
        if not self.keeps_parked:
            gone = [one for one in entrance.places if entrance.state(one) is MemberState.PARKED]
            for target in gone:
                del entrance.places[target]
        return Reading({target: self._member(target) for target in sorted(entrance.places)})

    def _member(self, target: Target) -> Member:
        place = self._entrance.places[target]
        weight = (0 if place.parked else 100) if self.keeps_parked else None
        return Member(target, self._entrance.state(target), place.owner == self._owner, weight)

    def check(self, target: Target) -> None:
        """Everything can be a member."""

    def park(self, targets: Sequence[Target]) -> None:
        self._change("park", targets, lambda: self._place(targets, parked=True))

    def admit(self, targets: Sequence[Target]) -> None:
        self._change("admit", targets, lambda: self._place(targets, parked=False))

    def add(self, targets: Sequence[Target]) -> None:
        self._change("add", targets, lambda: self._place(targets, parked=False))

    def remove(self, targets: Sequence[Target]) -> None:
        def act() -> None:
            for target in targets:
                self._entrance.places.pop(target, None)

        self._change("remove", targets, act)

    def adoption(self, targets: Sequence[Target]) -> str:
        return "Mark it as ours."

    def _place(self, targets: Sequence[Target], parked: bool) -> None:
        for target in targets:
            self._entrance.places[target] = Place(self._entrance.clock.now(), parked, self._owner)

    def _change(self, verb: str, targets: Sequence[Target], act: Callable[[], None]) -> None:
        """Everything that changes it passes here."""
        entrance = self._entrance
        name = f"{verb} {' '.join(str(target) for target in targets)}"
        entrance.hook(f"before {name}")
        self._ask()
        entrance.clock.sleep(entrance.effect)
        act()
        entrance.deeds.append(name)
        entrance.hook(f"after {name}")
        if entrance.lose_answers:
            entrance.lose_answers -= 1
            raise Unreachable(f"{self._name}: the connection was closed before the answer.")

    def _ask(self) -> None:
        entrance = self._entrance
        if not entrance.up:
            raise Unreachable(f"{self._name}: its API does not answer within 10 s.")
        if entrance.refuses:
            raise Rejected(f"{self._name}: {entrance.refuses}")
        if entrance.throttled:
            entrance.throttled -= 1
            raise Unreachable(f"{self._name}: too many calls (Throttling).")
