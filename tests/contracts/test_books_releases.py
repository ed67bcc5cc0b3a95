"""The contract of `pipeline.books.Releases`."""

from dataclasses import replace

import pytest

from pipeline.errors import NotFound
from runners.store import Store
from tests.contracts.samples import AT, release


@pytest.fixture
def books(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


def test_numbers_grow_per_service_from_one(books: Store):
    added = [books.releases.add(release(service=name, number=77)) for name in ("shop", "blog", "shop")]

    assert [one.number for one in added] == [1, 1, 2]


def test_a_release_reads_back_whole_with_its_secrets(books: Store):
    added = books.releases.add(release(created_at=AT, run=4))

    found = books.releases.release("shop", 1)

    assert found == added == replace(release(created_at=AT, run=4), number=1)
    assert found.spec.secrets["DB_URL"].reveal() == "postgres://hush"


def test_an_unknown_release_is_not_found(books: Store):
    books.releases.add(release())

    with pytest.raises(NotFound, match="'shop' has no release 2"):
        books.releases.release("shop", 2)
    with pytest.raises(NotFound, match="'blog' has no release 1"):
        books.releases.release("blog", 1)


def test_releases_are_paged_newest_first(books: Store):
    for _ in range(4):
        books.releases.add(release())

    assert [one.number for one in books.releases.releases("shop")] == [4, 3, 2, 1]
    assert [one.number for one in books.releases.releases("shop", limit=2, before=4)] == [3, 2]
    assert books.releases.releases("blog") == []
