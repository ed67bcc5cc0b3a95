"""The book of scaling in memory, and what the replicas of a `World` use, for dry runs and tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.fleet.host import Host
from pipeline.scaling.group import Decided, Memory, Sample
from runners.stand_ins.time import VirtualClock


@dataclass
class MemoryScaling:
    """Implements `pipeline.scaling.book.ScalingBook`."""

    rows: dict[str, Memory] = field(default_factory=dict)
    lines: list[Decided] = field(default_factory=list)

    def memories(self) -> Mapping[str, Memory]:
        return dict(self.rows)

    def save(self, memories: Mapping[str, Memory], decided: Sequence[Decided]) -> None:
        self.rows |= memories
        self.lines += [replace(one, id=len(self.lines) + at) for at, one in enumerate(decided, 1)]

    def decisions(self, group: str, limit: int = 50) -> Sequence[Decided]:
        return [one for one in reversed(self.lines) if one.group == group][:limit]

    def tidy(self, before: datetime) -> None:
        self.lines = [one for one in self.lines if one.at >= before]
        self.rows = {name: row for name, row in self.rows.items() if row.at is None or row.at >= before}


@dataclass
class SteadyLoads:
    """Implements `pipeline.scaling.book.Loads`: `cores` says how many each container uses at this moment."""

    clock: VirtualClock
    cores: Callable[[], float]
    memory: int = 0
    spent: dict[str, Sample] = field(default_factory=dict)

    def used(self, host: Host, containers: Sequence[str]) -> Mapping[str, Sample]:
        now = self.clock.now()
        for name in containers:
            last = self.spent.get(name, Sample(now, 0.0))
            seconds = (now - last.at).total_seconds()
            self.spent[name] = Sample(now, (last.cpu or 0.0) + seconds * self.cores(), self.memory)
        return {name: self.spent[name] for name in containers}

    def machine(self, host: Host) -> Sample | None:
        """`cores` are those of each host then, of as many as it has."""
        return self.used(host, [host.name])[host.name]
