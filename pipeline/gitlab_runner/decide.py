"""What must be done so that runners are as `shipway.yml` says, on hosts and at GitLab, and why. Pure.

What is not known (a host or a GitLab that does not answer) is left as it is, and told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.gitlab_runner.runner import Record, RunnerSeen, Sight, Slot, differing, fingerprint, slots


class Deed(StrEnum):
    """In the order in which they are done at one slot."""

    CREATE = "create"  # at GitLab
    RENEW = "renew"  # its token
    UPDATE = "update"  # its attributes at GitLab
    START = "start"  # its container
    REPLACE = "replace"  # its container, once its jobs are done
    REMOVE = "remove"  # container, entry at GitLab and record
    DISCARD = "discard"  # an entry or container that no record knows


@dataclass(frozen=True)
class Change:
    """`through`: the fleet whose token may discard an entry. `follows`: it comes from hosts that came, went or failed, not
    from an edit of the file, and needs nobody's word."""

    deed: Deed
    slot: Slot
    why: str
    runner: int = 0
    container: str = ""
    through: str = ""
    follows: bool = False


@dataclass(frozen=True)
class Plan:
    """`unknown`: what could not be looked at, one sentence each."""

    changes: tuple[Change, ...] = ()
    unknown: tuple[str, ...] = ()


def decide(fleets: Sequence[RunnerFleet], sight: Sight) -> Plan:
    """Removals come first: they make room."""
    wanted = {slot: fleet for fleet in fleets for slot, _ in slots(fleet) if slot.host not in sight.unfit}
    changes = [*_leaving(wanted, fleets, sight), *_strangers(wanted, fleets, sight)]
    for slot, fleet in wanted.items():
        changes += _wanted(fleet, slot, sight)
    return Plan(tuple(changes), tuple(_unknown(sight)))


# ------------------------------------------------------------------------------------------------ what is wanted


def _wanted(fleet: RunnerFleet, slot: Slot, sight: Sight) -> Iterator[Change]:
    """A silent host gets none; the entry of one that it has already is still looked after."""
    silent = isinstance(sight.containers.get(slot.host), str)
    record, entry = sight.records.get(slot), sight.entries.get(slot)
    if record is not None and _elsewhere(fleet, record):
        if silent:
            return
        yield Change(Deed.CREATE, slot, "it moves to another GitLab, group or project")
        yield Change(Deed.START, slot, "no container runs")
        return
    follows = any(other.fleet == slot.fleet and known.runner for other, known in sight.records.items())
    if record is None or not record.runner or entry is None:
        if silent or isinstance(sight.listed.get(fleet.name), str):
            return
        yield Change(Deed.CREATE, slot, _why_create(record), follows=follows)
        yield from _container(slot, sight, "made-anew", follows)
        return
    yield from _at_gitlab(fleet, slot, record, entry, sight)
    if not silent and not isinstance(entry, str):
        renewed = slot in sight.refused
        yield from _container(slot, sight, "renewed" if renewed else fingerprint(fleet, record), True)


def _why_create(record: Record | None) -> str:
    if record is None:
        return "it is not there yet"
    if not record.runner:
        return "an earlier attempt was cut; what came of it is looked up first"
    return "its entry at GitLab is gone"


def _at_gitlab(
    fleet: RunnerFleet, slot: Slot, record: Record, entry: RunnerSeen | str, sight: Sight
) -> Iterator[Change]:
    if slot in sight.refused:
        yield Change(Deed.RENEW, slot, "GitLab refuses its token", record.runner, follows=True)
    if isinstance(entry, RunnerSeen):
        names = differing(fleet, entry)
        if names:
            yield Change(Deed.UPDATE, slot, f"{', '.join(names)} differ at GitLab", record.runner)


def _container(slot: Slot, sight: Sight, config: str, follows: bool) -> Iterator[Change]:
    """`config`: the fingerprint that it should have; a word for one that no container has yet."""
    seen = sight.on(slot)
    if seen is None:
        yield Change(Deed.START, slot, "no container runs", follows=follows)
    elif not seen.running:
        code = "" if seen.exit_code is None else f" with code {seen.exit_code}"
        yield Change(
            Deed.START, slot, f"its container is {seen.state}{code}", container=seen.id, follows=follows
        )
    elif seen.config != config:
        known = {"made-anew": "its entry at GitLab is made anew", "renewed": "its token is a new one"}
        why = known.get(config, "its settings changed")
        yield Change(Deed.REPLACE, slot, why, container=seen.id, follows=config in known)
    elif _drained(slot, sight):
        yield Change(Deed.REPLACE, slot, "it was told to finish", container=seen.id, follows=True)


def _drained(slot: Slot, sight: Sight) -> bool:
    record = sight.records.get(slot)
    return record is not None and record.drain_by is not None


# ------------------------------------------------------------------------------------------------ what is not


def _leaving(
    wanted: dict[Slot, RunnerFleet], fleets: Sequence[RunnerFleet], sight: Sight
) -> Iterator[Change]:
    for slot, record in sight.records.items():
        if slot in wanted and not _elsewhere(wanted[slot], record):
            continue
        if slot.host in sight.hosts and isinstance(sight.containers.get(slot.host), str):
            continue  # a host of the file comes back; one that left it does not
        seen = sight.on(slot)
        why, follows = _why_leave(slot, fleets, sight)
        yield Change(Deed.REMOVE, slot, why, record.runner, seen.id if seen else "", follows=follows)


def _why_leave(slot: Slot, fleets: Sequence[RunnerFleet], sight: Sight) -> tuple[str, bool]:
    fleet = next((one for one in fleets if one.name == slot.fleet), None)
    if fleet is None:
        return f"gitlab_runners has no {slot.fleet} any more", False
    if _elsewhere(fleet, sight.records[slot]):
        return "it moves to another GitLab, group or project", False
    if slot.host in sight.unfit:
        return f"host {slot.host}: {sight.unfit[slot.host]}", True
    if slot.host not in {host.name for host in fleet.hosts}:
        return f"{slot.fleet} has no host {slot.host} any more", False
    return f"{slot.fleet} has only {fleet.per_host} for each host", False


def _elsewhere(fleet: RunnerFleet, record: Record) -> bool:
    """The fleet's runners belong to another place at GitLab than this one."""
    return (fleet.url, fleet.scope, fleet.id) != (record.url, record.scope, record.scope_id)


def _strangers(
    wanted: dict[Slot, RunnerFleet], fleets: Sequence[RunnerFleet], sight: Sight
) -> Iterator[Change]:
    """Ours by their names and labels, but in no book: leftovers of an attempt that was cut."""
    known = {(record.url, record.runner) for record in sight.records.values()}
    intents = {record.description for record in sight.records.values() if not record.runner}
    for fleet, entry in _entries(fleets, sight):
        if (fleet.url, entry.id) not in known and entry.description not in intents:
            known.add((fleet.url, entry.id))
            slot = slot_of(entry.description) or Slot(fleet.name, "-", 0)
            why = f"no record knows runner {entry.id} at GitLab"
            yield Change(Deed.DISCARD, slot, why, entry.id, through=fleet.name, follows=True)
    for found in sight.containers.values():
        for one in found if not isinstance(found, str) else ():
            if one.slot not in sight.records and one.slot not in wanted:
                why = "no record knows its container"
                yield Change(Deed.DISCARD, one.slot, why, container=one.id, follows=True)


def _entries(fleets: Sequence[RunnerFleet], sight: Sight) -> Iterator[tuple[RunnerFleet, RunnerSeen]]:
    """Several fleets may see the same one."""
    for fleet in fleets:
        listed = sight.listed.get(fleet.name, ())
        for entry in listed if not isinstance(listed, str) else ():
            yield fleet, entry


def slot_of(description: str) -> Slot | None:
    """Of a description of ours."""
    parts = description.split(" ")
    place = parts[2].split("/") if len(parts) == 4 else []
    return Slot(place[0], place[1], int(place[2])) if len(place) == 3 and place[2].isdigit() else None


def _unknown(sight: Sight) -> Iterator[str]:
    told = [*sight.containers.values(), *sight.listed.values(), *sight.entries.values()]
    yield from dict.fromkeys(why for why in told if isinstance(why, str))
