"""Which members of a group go when it shrinks. Pure.

First those that are not ready, then the least busy, then the newest. A protected one never goes: then fewer do.
"""

from collections.abc import Sequence

from pipeline.scaling.group import Member


def pick(members: Sequence[Member], count: int) -> tuple[str, ...]:
    """Names, in the order in which they should go."""
    free = [member for member in members if not member.protected]
    ordered = sorted(free, key=lambda one: (one.ready, one.busy, _newest(one), one.name))
    return tuple(member.name for member in ordered[: max(0, count)])


def _newest(member: Member) -> float:
    return float("-inf") if member.since is None else -member.since.timestamp()
