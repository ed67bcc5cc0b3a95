"""Hosts with GitLab Runner containers, in memory. A busy one does not end when it is told to finish."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.runner import ContainerSeen, Record, Slot, fingerprint
from pipeline.secret import Secret


@dataclass
class MemoryRunnerHosts:
    """Implements `pipeline.gitlab_runner.desk.RunnerHosts`. `tokens`: by container, what it was given."""

    containers: dict[str, ContainerSeen] = field(default_factory=dict)
    tokens: dict[str, Secret] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    busy: set[Slot] = field(default_factory=set)
    drained: list[Slot] = field(default_factory=list)
    cut: list[Slot] = field(default_factory=list)
    calls: Callable[[Record], None] = lambda _: None  # what a runner does first
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def look(self, host: Host) -> tuple[ContainerSeen, ...]:
        self._answers(host)
        return tuple(one for one in self.containers.values() if one.slot.host == host.name)

    def start(self, fleet: RunnerFleet, record: Record) -> str:
        self._answers(record.host)
        config = fingerprint(fleet, record)
        for one in [one for one in self.containers.values() if one.slot == record.slot]:
            if not one.running:
                del self.containers[one.id]
            elif one.config == config:
                return one.id
            else:
                raise Rejected(f"{record.slot.container} runs with other settings.")
        name = f"c{next(self.numbers)}"
        self.containers[name] = ContainerSeen(name, record.slot, config, stop_timeout=fleet.stop_timeout)
        self.tokens[name] = record.token
        self.calls(record)
        return name

    def drain(self, host: Host, container: str) -> None:
        self._answers(host)
        found = self.containers.get(container)
        if found is None:
            return
        self.drained.append(found.slot)
        if found.slot not in self.busy:
            self.containers[container] = replace(found, running=False, state="exited", exit_code=0)

    def ended(self, host: Host, container: str, seconds: float) -> bool:
        self._answers(host)
        found = self.containers.get(container)
        return found is None or not found.running

    def said(self, host: Host, container: str) -> str:
        return "its last words"

    def end(self, host: Host, container: str) -> None:
        self._answers(host)
        found = self.containers.pop(container, None)
        if found is not None and found.running:
            self.cut.append(found.slot)

    def _answers(self, host: Host) -> None:
        if host.name in self.silent:
            raise Unreachable(f"Host {host.name} does not answer.")
