"""What another release changes, field by field: image, code, environment, resources, health. Pure; for people only.

Secrets are told by their names, never by their values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from pipeline.rollout.release import Release, RuntimeSpec
from pipeline.secret import Secret

ADDED, REMOVED, CHANGED = "+", "-", "~"
PLAIN = ("port", "cpus", "stop_timeout")
COMMANDS = ("command", "before_deploy", "after_deploy", "on_failure")


@dataclass(frozen=True)
class Difference:
    """`sign`: + came, - went, ~ is another one. Empty texts where there is nothing to tell."""

    sign: str
    what: str
    before: str = ""
    after: str = ""


def differences(before: Release | None, after: Release) -> list[Difference]:
    """Nothing live: everything comes."""
    if before is None:
        return [Difference(ADDED, "image", "", after.image)]
    return [
        *_field("image", before.image, after.image),
        *_field("commit", before.commit, after.commit),
        *_spec(before.spec, after.spec),
    ]


def _spec(before: RuntimeSpec, after: RuntimeSpec) -> Iterator[Difference]:
    for name in PLAIN:
        yield from _field(name, f"{getattr(before, name):g}", f"{getattr(after, name):g}")
    yield from _field("memory", _size(before.memory), _size(after.memory))
    for name in COMMANDS:
        yield from _field(name, " ".join(getattr(before, name)), " ".join(getattr(after, name)))
    for name in sorted(before.env.keys() | after.env.keys()):
        yield from _field(f"env {name}", before.env.get(name, ""), after.env.get(name, ""))
    yield from _secrets(before.secrets, after.secrets)
    for one in fields(after.health):
        values = (_text(getattr(spec.health, one.name)) for spec in (before, after))
        yield from _field(f"health {one.name}", *values)


def _secrets(before: Mapping[str, Secret], after: Mapping[str, Secret]) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield Difference(ADDED, f"secret {name}")
        elif name not in after:
            yield Difference(REMOVED, f"secret {name}")
        elif before[name] != after[name]:
            yield Difference(CHANGED, f"secret {name}")


def _field(what: str, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(CHANGED if before and after else ADDED if after else REMOVED, what, before, after)


def _size(count: int) -> str:
    return f"{count / 2**20:g} MiB" if count else "no limit"


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
