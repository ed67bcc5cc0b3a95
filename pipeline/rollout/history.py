"""What the past says: which release to return to, and whose images must stay on the hosts. Pure."""

from collections.abc import Iterable, Sequence


def rollback_target(good_releases: Sequence[int], live: int | None) -> int | None:
    """The release that was good last among those below the live one: what a person had turned away from stays behind, and
    going back twice goes back two steps, never forth again. While nothing is live: the last one that was good.
    `good_releases`: newest first by when they were."""
    return next((number for number in good_releases if live is None or number < live), None)


def kept_releases(good_releases: Sequence[int], keep: int, needed: Iterable[int | None]) -> frozenset[int]:
    """Numbers whose images no prune may remove: the `keep` newest good ones, and all that are needed now
    (live, last good, the target and what it would go back to)."""
    return frozenset(good_releases[: max(1, keep)]) | {number for number in needed if number is not None}
