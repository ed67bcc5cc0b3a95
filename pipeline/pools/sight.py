"""All that is known of one pool at one moment, and the steps that follow from it. Nouns only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.fleet.joined import Joined
from pipeline.pools.order import Instance
from pipeline.pools.pool import Machine, Pool, Wanted


@dataclass(frozen=True)
class Sight:
    """`instances` None: the cloud did not answer, and `trouble` says so. `busy`: replicas on each host."""

    pool: Pool
    machines: Sequence[Machine] = ()
    past: Sequence[Machine] = ()
    wanted: Wanted | None = None
    instances: Sequence[Instance] | None = ()
    trouble: str = ""
    joined: Mapping[str, Joined] = field(default_factory=dict)
    busy: Mapping[str, int] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()  # hosts that do not answer

    @property
    def target(self) -> int:
        return self.pool.clamp(self.wanted.machines if self.wanted else self.pool.min)

    @property
    def forced(self) -> bool:
        return self.wanted is not None and self.wanted.forced

    def instance_of(self, machine: Machine) -> Instance | None:
        """By its id once that is known, else the first that was made for this wish."""
        found = self.instances or ()
        if machine.instance:
            return next((i for i in found if i.id == machine.instance), None)
        mine = [i for i in found if i.wish == machine.wish]
        return min(mine, key=lambda i: (str(i.launched_at), i.id), default=None)

    def has_joined(self, machine: Machine) -> bool:
        entry = self.joined.get(machine.name)
        return entry is not None and entry.pool == self.pool.name


class Deed(StrEnum):
    WISH = "wish"
    LAUNCH = "launch"
    FOUND = "found"
    GIVE_UP = "give up"
    READY = "ready"
    EXTEND = "extend"
    LEAVE = "leave"
    EMPTY = "empty"  # goes on with a machine that leaves
    GONE = "gone"
    SWEEP = "sweep"  # a machine with our tags that is in no book
    REPORT = "report"  # ... that is too young to be swept


CHANGES = frozenset({Deed.WISH, Deed.LEAVE, Deed.SWEEP})  # what a person would call a change


@dataclass(frozen=True)
class Step:
    """`instance`: the cloud's id, where there is one. `failed`: the machine was no use."""

    deed: Deed
    why: str
    machine: Machine | None = None
    instance: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done now, and in `held` why not all of it. `refused`: it needs force."""

    pool: str
    target: int
    steps: tuple[Step, ...] = ()
    held: str = ""
    refused: bool = False

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.deed in CHANGES)
