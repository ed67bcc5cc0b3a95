"""RULE: what must be changed so that a provider answers as it should, and whether that may be done. Pure.

Only records with our mark are changed. One without it that has a region's address stands in the way until somebody adopts
it; any other is told, and left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.entrances.entrance import Endpoint, Entrance, Record, Standing
from pipeline.errors import Conflict

MOST = 0.3  # of the records of an entrance, in one change


class Verb(StrEnum):
    CREATE = "create"
    ADOPT = "adopt"
    ADMIT = "admit"  # from a share of 0
    CHANGE = "change"
    PARK = "park"  # to a share of 0
    REMOVE = "remove"


# What brings answers comes before what takes them away: between two calls nobody may be left without.
ORDER = (Verb.ADOPT, Verb.CREATE, Verb.ADMIT, Verb.CHANGE, Verb.PARK, Verb.REMOVE)


@dataclass(frozen=True)
class Step:
    """`record`: as the provider has it; None: it is to be made. `endpoint` None: it is to go."""

    verb: Verb
    region: str
    record: Record | None
    endpoint: Endpoint | None

    def __str__(self) -> str:
        shown = self.endpoint or self.record
        value = f" {shown.value}" if shown else ""
        was = f"{self.record.share}" if self.record else "none"
        now = f"{self.endpoint.share}" if self.endpoint else "none"
        line = f" on {self.endpoint.line}" if self.endpoint and self.endpoint.line else ""
        return f"{self.verb} {self.region}:{value}{line}, share {was} -> {now}"


@dataclass(frozen=True)
class Plan:
    """`blocking`: records without our mark that have a region's address. `strangers`: all others without it."""

    entrance: str
    endpoints: tuple[Endpoint, ...]
    records: tuple[Record, ...]
    steps: tuple[Step, ...]
    adopt: bool = False
    only: frozenset[str] = frozenset()
    blocking: tuple[Record, ...] = ()
    strangers: tuple[Record, ...] = ()


def endpoints_of(entrance: Entrance, standings: Mapping[str, Standing]) -> tuple[Endpoint, ...]:
    """The file's shares, and 0 for whoever is out or parked."""
    return tuple(
        Endpoint(
            region.name,
            region.address,
            region.share if standings.get(region.name, Standing(region.name)).serves else 0,
            region.line,
        )
        for region in entrance.regions.values()
    )


def plan(
    entrance: Entrance,
    endpoints: Sequence[Endpoint],
    records: Sequence[Record],
    adopt: bool = False,
    only: frozenset[str] = frozenset(),
) -> Plan:
    """`adopt`: records that have a region's address become ours. `only`: nothing of other regions; empty: all."""
    own = {record.region: record for record in records if record.ours}
    others = [record for record in records if not record.ours]
    steps, blocking = [], []
    for endpoint in endpoints:
        if only and endpoint.region not in only:
            continue
        record = own.get(endpoint.region)
        same = [one for one in others if (one.value, one.line) == (endpoint.value, endpoint.line)]
        if record is None and same and not adopt:
            blocking += same
        elif record is None and same:
            steps.append(Step(Verb.ADOPT, endpoint.region, same[0], endpoint))
        elif found := _step(entrance, endpoint, record, bool(only)):
            steps.append(found)
    named = {endpoint.region for endpoint in endpoints}
    gone = {name: record for name, record in own.items() if name not in named and not only}
    steps += [Step(Verb.REMOVE, name, record, None) for name, record in gone.items()]
    adopted = [step.record for step in steps if step.verb is Verb.ADOPT]
    return Plan(
        entrance.name,
        tuple(endpoints),
        tuple(records),
        tuple(sorted(steps, key=lambda step: ORDER.index(step.verb))),
        adopt,
        only,
        tuple(blocking),
        tuple(one for one in others if one not in blocking and one not in adopted),
    )


def _step(entrance: Entrance, endpoint: Endpoint, record: Record | None, alone: bool) -> Step | None:
    """A region without a share needs no record; one that is parked is brought up to date when it comes back. `alone`: others
    stay as they are, and with them the TTL, which is one for all."""
    if record is None:
        return Step(Verb.CREATE, endpoint.region, None, endpoint) if endpoint.share else None
    if endpoint.share == 0:
        return Step(Verb.PARK, endpoint.region, record, endpoint) if record.share else None
    if record.share == 0:
        return Step(Verb.ADMIT, endpoint.region, record, endpoint)
    ttl = entrance.ttl if record.ttl and not alone else record.ttl
    wanted = (endpoint.value, endpoint.line, endpoint.share, ttl)
    if (record.value, record.line, record.share, record.ttl) == wanted:
        return None
    return Step(Verb.CHANGE, endpoint.region, record, endpoint)


def guard(made: Plan, force: bool) -> None:
    """Raises `Conflict`, saying why, when this may not be applied."""
    _guard_mark(made)
    if not made.steps:
        return
    _guard_last(made)
    touched = [step for step in made.steps if step.verb not in (Verb.CREATE, Verb.ADOPT)]
    held = max(len([record for record in made.records if record.ours]), len(made.endpoints))
    most = most_at_once(held)
    if len(touched) > most and not force:
        named = ", ".join(step.region for step in touched)
        raise Conflict(
            f"Entrance {made.entrance}: this would change {len(touched)} of {held} records at once ({named}), and "
            f"{most} is the most. Look at `shipway regions plan`; if it is meant, `shipway regions apply --force`."
        )


def most_at_once(held: int) -> int:
    """Of few, one may always change."""
    return max(1, int(held * MOST))


def _guard_mark(made: Plan) -> None:
    if made.blocking:
        named = ", ".join(f"{record.kind} {record.value}" for record in made.blocking)
        raise Conflict(
            f"Entrance {made.entrance}: {named} is there already without our mark, so it is somebody else's and left "
            "alone. If Shipway is to look after it from now on, `shipway regions apply --adopt`."
        )


def _guard_last(made: Plan) -> None:
    """Never without an answer. Users of a line that loses its own get those of everybody, so these must not all go."""
    before, after = _answered(made.records), _after(made)
    if not after or ("" in before and "" not in after):
        raise Conflict(
            f"Entrance {made.entrance}: nobody would answer any more; the last region is never taken out. Give another "
            "one a share, or take one back: `shipway regions unpark REGION`."
        )


def _answered(records: Sequence[Record]) -> set[str]:
    """Lines on which one of ours is."""
    return {record.line for record in records if record.ours and record.share}


def _after(made: Plan) -> set[str]:
    stepped = {step.region for step in made.steps}
    kept = [record for record in made.records if record.region not in stepped]
    new = {step.endpoint.line for step in made.steps if step.endpoint and step.endpoint.share}
    return _answered(kept) | new


def lines(made: Plan) -> Iterator[str]:
    """For people: what is done, then what is not."""
    yield from (str(step) for step in made.steps)
    for record in made.blocking:
        yield f"not ours: {record.kind} {record.value} has a region's address, and is left alone until `--adopt`"
    for record in made.strangers:
        yield f"not ours: {record.kind} {record.value}, share {record.share}, is answered too, and left alone"
