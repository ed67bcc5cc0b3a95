"""The contract of `pipeline.timing.Freezes`."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import Conflict, NotFound
from pipeline.fleet.window import Freeze
from runners.store import Store

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def frozen(books: Store, since: timedelta = -HOUR, until: timedelta = HOUR, service: str = "shop") -> Freeze:
    return books.freezes.add(Freeze(NOW + since, NOW + until, "sale", 0, service, "production", "ada"))


def test_a_freeze_reads_back_as_it_was_set(books: Store):
    added = frozen(books)

    assert books.freezes.freeze(added.id) == added
    assert (added.since, added.until, added.why, added.by) == (NOW - HOUR, NOW + HOUR, "sale", "ada")
    assert books.freezes.freezes() == [added]


def test_those_that_are_over_are_not_listed_and_those_to_come_are(books: Store):
    frozen(books, -2 * HOUR, -HOUR)
    later, now = frozen(books, HOUR, 2 * HOUR), frozen(books)

    assert [one.id for one in books.freezes.freezes()] == [now.id, later.id]


def test_a_lifted_one_holds_nothing_and_is_lifted_once(books: Store):
    added = frozen(books)

    lifted = books.freezes.lift(added.id, "bob")

    assert (lifted.lifted_by, books.freezes.freezes()) == ("bob", [])
    assert lifted.lifted_at is not None
    with pytest.raises(Conflict, match=f"Freeze {added.id} is over already"):
        books.freezes.lift(added.id, "bob")


def test_an_unknown_one_is_not_found(books: Store):
    with pytest.raises(NotFound, match="no freeze 7"):
        books.freezes.lift(7, "bob")


@pytest.mark.parametrize(("service", "is_of"), [("shop", True), ("", True), ("blog", False)])
def test_it_is_of_one_service_or_of_all(books: Store, service: str, is_of: bool):
    assert frozen(books, service=service).is_of("shop", "production") is is_of
