"""From what exists, what is needed and the policy: what goes, and why each thing that stays does. Pure.

What we did not make is not judged at all. In doubt a thing stays, and says which doubt.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.retention.policy import DAY, Retention
from pipeline.retention.thing import Kind, Made, Need, Place, Thing, Verdict

REST = 3600.0  # seconds after its run in which a work tree is not taken away from whoever looks at it
IDLE = 7 * DAY  # a mirror that nobody needs is only a clone; this long nobody asked for it
MARK = "shipway.local/"  # what we pulled from elsewhere carries a local name below this


@dataclass(frozen=True)
class Basis:
    """All that a verdict rests on. `made`: every release by its image's digest."""

    policy: Retention
    now: datetime
    need: Need
    made: Mapping[str, Made] = field(default_factory=dict)
    newest: frozenset[tuple[str, int]] = frozenset()  # (service, run) of the builds that stay as a cache

    def age(self, thing: Thing) -> float:
        """Seconds; 0 when its shelf does not know, so that it counts as new."""
        return (self.now - thing.at).total_seconds() if thing.at else 0.0


def judge(things: Sequence[Thing], basis: Basis) -> tuple[Verdict, ...]:
    """In the order of `things`; without those that are not ours to judge. `basis` knows the newest builds (`ranked`)."""
    found = (_verdict(thing, basis) for thing in things if not thing.other)
    return tuple(verdict for verdict in found if verdict is not None)


def _verdict(thing: Thing, basis: Basis) -> Verdict | None:
    return _stays(thing, thing.locked) if thing.locked else _RULES[thing.kind](thing, basis)


def ranked(basis: Basis, things: Iterable[Thing]) -> Basis:
    """With the newest builds of all these: a verdict on one of them needs to know the others. Those of a database that
    was lost do not count, or they would stay for ever in the place of ours."""
    runs: dict[str, set[int]] = {}
    for thing in things:
        if thing.kind is Kind.BUILD and not thing.other and not _unknown(thing, basis):
            runs.setdefault(thing.service, set()).add(thing.run)
    kept = basis.policy.releases
    newest = {(name, run) for name, found in runs.items() for run in sorted(found, reverse=True)[:kept]}
    return replace(basis, newest=frozenset(newest))


def _goes(thing: Thing, why: str, references: tuple[str, ...] = (), frees: int | None = None) -> Verdict:
    return Verdict(thing, True, why, references, thing.size or 0 if frees is None else frees)


def _stays(thing: Thing, why: str) -> Verdict:
    return Verdict(thing, False, why)


# ------------------------------------------------------------------------------------------------ images


def _image(thing: Thing, basis: Basis) -> Verdict | None:
    own = [name for name in thing.references if _repository(name) in basis.need.repositories]
    nameless = not thing.references and thing.service in basis.need.services
    if not (own or thing.mine or nameless):
        return None
    if reason := _in_use(thing, basis):
        return _stays(thing, reason)
    named = [name for name in thing.references if name not in own and not _given_by_us(name, thing)]
    if named and not own:
        return _stays(thing, f"somebody named it {named[0]} as well")
    goes = tuple(name for name in thing.references if name not in named)
    return _goes(thing, _no_more_needed(thing, basis), goes)


def _in_use(thing: Thing, basis: Basis) -> str:
    """Why an image stays whatever its age; empty when nobody needs it."""
    if thing.used:
        return "a container uses it"
    if thing.run in basis.need.runs:
        return f"run {thing.run} works with it"
    release = basis.made.get(next(iter(thing.digests & basis.made.keys()), ""))
    name = f"release {release.number} of {release.service}: " if release else ""
    return next(
        (f"{name}{basis.need.digests[d]}" for d in sorted(thing.digests) if d in basis.need.digests), ""
    )


def _given_by_us(name: str, thing: Thing) -> bool:
    """The mark, and the name by digest under which it was pulled."""
    return name.startswith(MARK) or "@" in name


def _no_more_needed(thing: Thing, basis: Basis) -> str:
    release = next((basis.made[digest] for digest in sorted(thing.digests & basis.made.keys())), None)
    if release:
        return f"no environment keeps release {release.number} of {release.service}"
    return "no release needs it" if thing.references else "it lost its name, and no container uses it"


def _build(thing: Thing, basis: Basis) -> Verdict | None:
    if thing.service not in basis.need.services:
        return None
    if reason := _in_use(thing, basis):
        return _stays(thing, reason)
    if not thing.references:
        return _goes(thing, f"a step of run {thing.run} without a name")
    if all(name.endswith("-test") for name in thing.references):
        return _goes(thing, f"only made for the tests of run {thing.run}", thing.references)
    if _unknown(thing, basis):
        return _goes(thing, f"our books have no run {thing.run}: of an older database", thing.references)
    if (thing.service, thing.run) in basis.newest:
        kept = basis.policy.releases
        return _stays(thing, f"among the newest {kept} of {thing.service}: the next build's cache")
    why = f"older than the newest {basis.policy.releases} of {thing.service}"
    return _goes(thing, why, thing.references)


def _unknown(thing: Thing, basis: Basis) -> bool:
    return basis.need.last_run is not None and thing.run > basis.need.last_run


def _cache(thing: Thing, basis: Basis) -> Verdict:
    size, limit = thing.size or 0, basis.policy.cache
    if not limit or size <= limit:
        why = f"retention.cache allows {limit >> 20} MiB" if limit else "retention.cache is 0: left alone"
        return _stays(thing, why)
    return _goes(thing, f"beyond the {limit >> 20} MiB of retention.cache", frees=size - limit)


def _manifest(thing: Thing, basis: Basis) -> Verdict | None:
    release = next((basis.made[digest] for digest in thing.digests if digest in basis.made), None)
    why = _keeps_manifest(thing, release, basis)
    if why or release is None:
        return _stays(thing, why)
    days = basis.age(replace(thing, at=release.at)) / DAY
    return _goes(
        thing, f"release {release.number} is {days:.0f} days old, and there are {release.rank} newer ones"
    )


def _keeps_manifest(thing: Thing, release: Made | None, basis: Basis) -> str:
    policy = basis.policy
    foreign = [name for name in thing.references if not _run_of(name)]
    if needed := _in_use(thing, basis):
        return needed
    if busy := [n for n in map(_run_of, thing.references) if n in basis.need.runs]:
        return f"run {busy[0]} works with it"
    if release is None:
        return "no release in our books has it"
    if foreign:
        return f"somebody named it {foreign[0]} as well"
    if not policy.registry_delete:
        return "retention.registry.delete is off"
    if release.rank < policy.releases:
        return f"release {release.number} is among the newest {policy.releases}"
    if basis.age(replace(thing, at=release.at)) < policy.age:
        return f"release {release.number} is younger than {policy.age / DAY:g} days"
    return ""


def _run_of(tag: str) -> int:
    """0: not a tag that a run makes."""
    before, _, number = tag.rpartition(":")[2].rpartition("run-")
    return int(number) if not before and number.isdigit() else 0


# -------------------------------------------------------------------------------------------- containers


def _container(thing: Thing, basis: Basis) -> Verdict | None:
    if not thing.mine and thing.service not in basis.need.services:
        return None
    place = basis.need.places.get((thing.service, thing.environment), Place())
    reason = _keeps_container(thing, place, basis)
    if reason:
        return _stays(thing, reason)
    owner = f"run {thing.run} is over" if thing.run else f"no deployment owns release {thing.release}"
    return _goes(thing, f"dead, and {owner}")


def _keeps_container(thing: Thing, place: Place, basis: Basis) -> str:
    if thing.run in basis.need.runs:
        return f"run {thing.run} works with it"
    if thing.used and thing.release == place.live:
        return f"it runs; release {thing.release} is live"
    if thing.used:
        return f"it runs. Deploy to {thing.service}/{thing.environment}, and it is taken out of rotation and stopped"
    if place.works:
        return f"deployment {place.works} works there"
    if thing.release and thing.release in (place.live, place.last_good):
        return f"dead, but release {thing.release} is live: the next deployment starts it anew"
    return ""


# ------------------------------------------------------------------------------------- our own data folder


def _tree(thing: Thing, basis: Basis) -> Verdict:
    if thing.run in basis.need.runs:
        return _stays(thing, f"run {thing.run} works in it")
    if basis.age(thing) < REST:
        return _stays(thing, f"written to less than {REST / 60:.0f} minutes ago")
    return _goes(thing, f"run {thing.run} is over")


def _mirror(thing: Thing, basis: Basis) -> Verdict:
    if thing.used:
        return _stays(thing, "the repository of a service")
    if basis.age(thing) < IDLE:
        return _stays(thing, f"used in the last {IDLE / DAY:.0f} days")
    return _goes(thing, f"no service names it, and nobody used it for {basis.age(thing) / DAY:.0f} days")


def _log(thing: Thing, basis: Basis) -> Verdict:
    limit = f"{basis.policy.logs / DAY:g} days"
    if thing.run in basis.need.runs:
        return _stays(thing, f"run {thing.run} writes to it")
    if basis.age(thing) < basis.policy.logs:
        return _stays(thing, f"younger than {limit}")
    return _goes(thing, f"nobody wrote to it for {limit}")


def _repository(reference: str) -> str:
    name = reference.partition("@")[0]
    before, colon, tag = name.rpartition(":")
    return before if colon and "/" not in tag and "@" not in reference else name


_RULES: Mapping[Kind, Callable[[Thing, Basis], Verdict | None]] = {
    Kind.IMAGE: _image,
    Kind.BUILD: _build,
    Kind.CACHE: _cache,
    Kind.MANIFEST: _manifest,
    Kind.CONTAINER: _container,
    Kind.TREE: _tree,
    Kind.MIRROR: _mirror,
    Kind.LOG: _log,
    Kind.ARTIFACT: _log,
}
