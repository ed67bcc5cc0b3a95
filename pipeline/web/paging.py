"""Cuts a list of the books into pages for one caller: newest first, with a cursor. Pure but for the fetching."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

ROUNDS = 20  # a caller who may see next to nothing must not make one request read the whole table


def page(
    fetch: Callable[[int, int], list[T]],
    number: Callable[[T], int],
    allowed: Callable[[T], bool],
    limit: int,
    cursor: int,
) -> tuple[list[T], int | None]:
    """(items, cursor of the next page or None). `fetch(limit, before)` reads the books."""
    kept: list[T] = []
    before = cursor
    for _ in range(ROUNDS):
        batch = fetch(limit + 1, before)
        kept += [item for item in batch if allowed(item)]
        if len(kept) > limit:
            return kept[:limit], number(kept[limit - 1])
        if len(batch) <= limit:
            return kept, None
        before = number(batch[-1])
    return kept, before
