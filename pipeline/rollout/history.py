"""What the past says: which release to return to, and whose images must stay on the hosts. Pure."""

from collections.abc import Iterable, Sequence


def rollback_target(good_releases: Sequence[int], live: int | None) -> int | None:
    """The newest release below the live one that was ever good, so that going back twice goes back two steps and never
    forth again. While nothing is live: the last one that was good. `good_releases`: newest first by when they were."""
    if live is None:
        return next(iter(good_releases), None)
    return max((number for number in good_releases if number < live), default=None)


def kept_releases(good_releases: Sequence[int], keep: int, needed: Iterable[int | None]) -> frozenset[int]:
    """Numbers whose images no prune may remove: the `keep` newest good ones, and all that are needed now
    (live, last good, the target and what it would go back to)."""
    return frozenset(good_releases[: max(1, keep)]) | {number for number in needed if number is not None}
