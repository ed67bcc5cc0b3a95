"""A load balancer before a `World`'s proxies, for dry runs and tests: it obeys late, and finds a member healthy later still.

Keeps the contract of `pipeline.ports.Balancer`. That users never meet an empty proxy behind it is watched in `emptied`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pipeline.errors import Unreachable
from pipeline.fleet.balancer import Capabilities, Member, MemberState, Target
from runners.stand_ins.time import VirtualClock

PORT = 80


@dataclass
class Place:
    """One member. `since`: of its last change."""

    let_in: bool
    since: datetime


@dataclass
class Entrance:
    """Members are hosts of the world. Seconds."""

    clock: VirtualClock
    places: dict[str, Place] = field(default_factory=dict)
    settle: float = 0.8  # from the API's answer to the data path obeying
    healthy_after: float = 2.0
    drain: float = 6.0  # the longest request
    down: bool = False

    @classmethod
    def over(cls, hosts: Iterable[str], clock: VirtualClock) -> "Entrance":
        long_ago = clock.now().replace(year=2000)
        return cls(clock, {host: Place(True, long_ago) for host in hosts})

    def age(self, host: str) -> float:
        return (self.clock.now() - self.places[host].since).total_seconds()

    def sends(self, host: str) -> bool:
        """Do users reach the host's proxy through it?"""
        place = self.places.get(host)
        if place is None:
            return False
        return place.let_in if self.age(host) >= self.settle else not place.let_in

    def busy(self, host: str, request: float) -> bool:
        """May a request be under way on the host?"""
        return host in self.places and (self.sends(host) or self.age(host) < self.settle + request)

    def state(self, host: str, well: bool) -> MemberState:
        place = self.places[host]
        if not place.let_in:
            return MemberState.PARKED if self.age(host) >= self.settle else MemberState.DRAINING
        if self.age(host) < self.healthy_after:
            return MemberState.STARTING
        return MemberState.SERVING if well else MemberState.FAILING

    def turn(self, host: str, let_in: bool) -> None:
        place = self.places.get(host)
        if place is None and not let_in:  # added with weight 0: nothing was ever sent there
            self.places[host] = Place(let_in, self.clock.now().replace(year=2000))
        elif place is None or place.let_in != let_in:
            self.places[host] = Place(let_in, self.clock.now())


class _World(Protocol):
    def serves_well(self, host: str) -> bool: ...
    def effect(self, name: str, host: str, work: Callable[[], None], remote: bool = False) -> None: ...


class WorldBalancer:
    """Implements `pipeline.ports.Balancer`. Its calls pass through the world, where tests kill the driver."""

    def __init__(self, world: "_World", entrance: Entrance) -> None:
        self.world, self.entrance = world, entrance

    def capabilities(self) -> Capabilities:
        self._answer()
        here = self.entrance
        return Capabilities(True, False, True, 20, here.drain, here.settle, here.healthy_after)

    def members(self) -> dict[Target, Member]:
        self._answer()
        states = {h: self.entrance.state(h, self.world.serves_well(h)) for h in self.entrance.places}
        return {Target(h, PORT): Member(Target(h, PORT), state) for h, state in states.items()}

    def park(self, targets: Sequence[Target]) -> None:
        self._turn("park", [t for t in targets if t.id in self.entrance.places], False)

    def admit(self, targets: Sequence[Target]) -> None:
        self._turn("admit", targets, True)

    def remove(self, targets: Sequence[Target]) -> None:
        for target in targets:
            self.entrance.places.pop(target.id, None)

    def _turn(self, name: str, targets: Sequence[Target], let_in: bool) -> None:
        def work() -> None:
            self._answer()
            for target in targets:
                self.entrance.turn(target.id, let_in)

        for target in targets:
            self.world.effect(name, target.id, work, remote=True)

    def _answer(self) -> None:
        if self.entrance.down:
            raise Unreachable("load balancer: no answer within 10 s")
