"""Who is a member of a load balancer: every change is read, compared, written and read back, one at a time.

The discipline that all kinds share; what one kind can be told is its `Wire`. It never decides when to change anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Protocol

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.patience import Patience, chunks

_OUT = frozenset({MemberState.PARKED, MemberState.DRAINING})
_LOOK = 10.0  # seconds for a read alone: the rollout looks again by itself
_KEEP = 60.0  # seconds for which settings of a balancer stay true: they are asked for at every look, and calls are counted
Call = Callable[[Sequence[Target]], None]


@dataclass(frozen=True)
class Reading:
    """All members, of others too. `ours` False: the whole of it does not carry our mark, nothing in it may be changed."""

    members: dict[Target, Member]
    ours: bool = True


class Wire(Protocol):
    """What one kind of load balancer can be told, call by call. A call gets at most `batch` targets and at least one.
    Raises `Unreachable` when trying again may help and `Rejected` when not; a change may have been made all the same."""

    batch: int
    keeps_parked: bool  # a parked member stays listed; else parking is a deregistration

    def capabilities(self) -> Capabilities: ...
    def read(self) -> Reading: ...
    def check(self, target: Target) -> None:
        """Raises `Rejected` when this can never be a member."""

    def park(self, targets: Sequence[Target]) -> None: ...
    def admit(self, targets: Sequence[Target]) -> None:
        """Members that were parked."""

    def add(self, targets: Sequence[Target]) -> None:
        """Not members yet."""

    def remove(self, targets: Sequence[Target]) -> None: ...
    def adoption(self, targets: Sequence[Target]) -> str:
        """A sentence: how a person gives these our mark."""


class Membership:
    """Implements `pipeline.ports.Balancer` over a wire."""

    def __init__(self, entry: LoadBalancer, wire: Wire, patience: Patience | None = None) -> None:
        self.entry = entry
        self._wire = wire
        self._patience = patience or Patience()
        self._glance = Patience(
            min(_LOOK, self._patience.deadline), sleep=self._patience.sleep, clock=self._patience.clock
        )
        self._lock = RLock()
        self._known: tuple[float, Capabilities] | None = None

    def capabilities(self) -> Capabilities:
        now = self._patience.clock()
        if self._known is None or now - self._known[0] > _KEEP:
            self._known = (now, self._measured(self._glance.retrying(self._wire.capabilities)))
        return self._known[1]

    def members(self) -> dict[Target, Member]:
        return dict(sorted(self._glance.retrying(self._wire.read).members.items()))

    def park(self, targets: Sequence[Target]) -> None:
        self._change("park", targets, self._to_park)

    def admit(self, targets: Sequence[Target]) -> None:
        self._change("admit", targets, self._to_admit)

    def remove(self, targets: Sequence[Target]) -> None:
        self._change("remove", targets, self._to_remove)

    def _measured(self, told: Capabilities) -> Capabilities:
        """No API says when its data path obeys: who measured it knows better than the kind's constant."""
        return told if self.entry.settle is None else replace(told, settle=self.entry.settle)

    def _change(self, verb: str, targets: Sequence[Target], steps: "Steps") -> None:
        wanted = list(dict.fromkeys(targets))
        for target in wanted:
            self._wire.check(target)
        with self._lock:
            self._patience.retrying(lambda: self._once(verb, wanted, steps))

    def _once(self, verb: str, wanted: Sequence[Target], steps: "Steps") -> None:
        reading = self._wire.read()
        todo = list(steps(reading.members, wanted))
        for _, targets in todo:
            self._leave_others_alone(reading, targets, verb)
        for call, targets in todo:
            for part in chunks(targets, self._wire.batch):
                call(part)
        if any(targets for _, targets in todo):
            self._read_back(verb, wanted, steps)

    def _read_back(self, verb: str, wanted: Sequence[Target], steps: "Steps") -> None:
        members = self._wire.read().members
        left = [target for _, targets in steps(members, wanted) for target in targets]
        if verb == "admit":  # it was taken in; what it says of it is not known, and never counts as serving
            left = [one for one in left if one not in members or members[one].state != MemberState.UNKNOWN]
        if left:
            said = ", ".join(
                f"{target} is {members[target].state if target in members else 'absent'}" for target in left
            )
            raise Unreachable(f"{self._name}: it took the order to {verb}, but {said}.")

    def _leave_others_alone(self, reading: Reading, targets: Sequence[Target], verb: str) -> None:
        members = reading.members
        others = [t for t in targets if not (members[t].ours if t in members else reading.ours)]
        if others:
            named = ", ".join(str(target) for target in others)
            raise Rejected(
                f"{self._name}: cannot {verb} {named}: without our mark it is somebody else's, and left alone. "
                f"{self._wire.adoption(others)}"
            )

    @property
    def _name(self) -> str:
        return f"Load balancer {self.entry.name}"

    def _to_park(self, members: dict[Target, Member], wanted: Sequence[Target]) -> Iterator["Step"]:
        yield self._wire.park, [t for t in wanted if t in members and members[t].state not in _OUT]

    def _to_admit(self, members: dict[Target, Member], wanted: Sequence[Target]) -> Iterator["Step"]:
        doubtful = _OUT | {MemberState.UNKNOWN}
        yield self._wire.admit, [t for t in wanted if t in members and members[t].state in doubtful]
        yield self._wire.add, [t for t in wanted if t not in members]

    def _to_remove(self, members: dict[Target, Member], wanted: Sequence[Target]) -> Iterator["Step"]:
        """Where a parked one does not stay, what drains is on its way out already."""
        staying = frozenset() if self._wire.keeps_parked else _OUT
        yield self._wire.remove, [t for t in wanted if t in members and members[t].state not in staying]


Step = tuple[Call, list[Target]]
Steps = Callable[[dict[Target, Member], Sequence[Target]], Iterator[Step]]
