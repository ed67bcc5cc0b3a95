"""Pages of a list of which a caller may see a part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.paging import page


def fetch_of(numbers: list[int]):
    def fetch(limit: int, before: int) -> list[int]:
        return [n for n in sorted(numbers, reverse=True) if not before or n < before][:limit]

    return fetch


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)), st.integers(1, 7))
def test_walking_the_pages_shows_everything_allowed_once_and_in_order(numbers, allowed, limit):
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        items, cursor = page(fetch_of(list(numbers)), int, lambda n: n in allowed, limit, cursor)
        assert len(items) <= limit
        seen += items

    assert seen == sorted(numbers & allowed, reverse=True)


@pytest.mark.parametrize("limit", [1, 10])
def test_a_caller_who_sees_nothing_does_not_make_us_read_everything(limit):
    asked: list[int] = []

    def fetch(most: int, before: int) -> list[int]:
        asked.append(most)
        return fetch_of(list(range(1, 2_000)))(most, before)

    items, cursor = page(fetch, int, lambda _: False, limit, 0)

    assert items == []
    assert cursor is not None
    assert sum(asked) <= 20 * (limit + 1)
