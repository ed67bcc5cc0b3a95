"""FLOW: one look at everything that has to do with GitLab Runners: records, hosts, entries at GitLab. Changes nothing."""

from collections.abc import Callable
from typing import TypeVar

from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.fleet.host import Host
from pipeline.gitlab_runner.desk import RunnerDesk
from pipeline.gitlab_runner.runner import ContainerSeen, Record, RunnerSeen, Sight, Slot, family

K = TypeVar("K")
T = TypeVar("T")


def look(desk: RunnerDesk) -> Sight:
    records = desk.books.records()
    unfit = {name: state.drained for name, state in desk.fleet.hosts().items() if state.drained}
    fleets = {fleet.name: fleet for fleet in desk.fleets}
    known = {slot: record for slot, record in records.items() if record.runner}
    beginning = family(desk.installation())
    entries = _each(desk, {slot: _entry(desk, fleets.get(slot.fleet), known[slot]) for slot in known})
    hosts = _hosts(desk, records, unfit)
    return Sight(
        records=records,
        containers=_each(desk, {name: _containers(desk, host) for name, host in hosts.items()}),
        listed=_each(desk, {name: _listed(desk, fleet, beginning) for name, fleet in fleets.items()}),
        entries={slot: one if isinstance(one, str) else one[0] for slot, one in entries.items()},
        refused=frozenset(slot for slot, one in entries.items() if not isinstance(one, str) and not one[1]),
        unfit=unfit,
        hosts=frozenset(desk.settings.hosts),
    )


def _hosts(desk: RunnerDesk, records: dict[Slot, Record], unfit: dict[str, str]) -> dict[str, Host]:
    """Those that have runners or may get some; as shipway.yml has them now, in place of what the books remember."""
    found = {record.host.name: record.host for record in records.values()}
    found |= {host.name: host for fleet in desk.fleets for host in fleet.hosts if host.name not in unfit}
    return {name: desk.settings.hosts.get(name, host) for name, host in found.items()}


def _containers(desk: RunnerDesk, host: Host) -> Callable[[], tuple[ContainerSeen, ...]]:
    return lambda: desk.engines.look(host)


def _listed(desk: RunnerDesk, fleet: RunnerFleet, beginning: str) -> Callable[[], tuple[RunnerSeen, ...]]:
    return lambda: desk.coordinator.listed(fleet, beginning)


def _entry(
    desk: RunnerDesk, fleet: RunnerFleet | None, record: Record
) -> Callable[[], tuple[RunnerSeen | None, bool]]:
    """The entry, and whether GitLab takes its token. Without its fleet there is nobody to ask for the entry."""

    def work() -> tuple[RunnerSeen | None, bool]:
        taken = desk.coordinator.accepts(record)
        if fleet is None or fleet.url != record.url:
            return RunnerSeen(record.runner, record.description), taken
        return desk.coordinator.entry(fleet, record.runner), taken

    return work


def _each(desk: RunnerDesk, jobs: dict[K, Callable[[], T]]) -> dict[K, T | str]:
    done = desk.hands.each(list(jobs.values()))
    return {key: str(one) if isinstance(one, Exception) else one for key, one in zip(jobs, done, strict=True)}
