"""The contract of `pipeline.entrances.book.Entrances`."""

from datetime import UTC, datetime

import pytest

from pipeline.entrances.entrance import Change, Standing
from pipeline.errors import Stopped
from pipeline.lease import Lease, entrance_key
from runners.store import Store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OUT = Standing("hz", True, 3, 0, "refused", NOON, NOON)
PARKED = Standing("hz", parked=True, parked_by="mia", parked_at=NOON, reason="cables")
GOES = Change("shop", "hz goes out", "health", NOON, ("hz",))


@pytest.fixture
def lease(books: Store) -> Lease:
    return taken(books)


def taken(books: Store) -> Lease:
    found = books.leases.take(entrance_key("shop"), "us", 60.0)
    assert found is not None
    return found


def test_what_was_seen_is_read_as_it_was_written(books: Store, lease: Lease):
    books.entrances.seen("shop", [OUT], None, lease)

    assert books.entrances.standings("shop") == {"hz": OUT}
    assert books.entrances.standings("blog") == {}


def test_health_leaves_parking_alone_and_parking_leaves_health(books: Store, lease: Lease):
    books.entrances.parked("shop", [PARKED], GOES, lease)
    books.entrances.seen("shop", [OUT], None, lease)
    standing = books.entrances.standings("shop")["hz"]

    assert (standing.out, standing.bad, standing.parked, standing.reason) == (True, 3, True, "cables")


def test_a_change_is_begun_written_and_settled(books: Store, lease: Lease):
    books.entrances.seen("shop", [OUT], GOES, lease)
    begun = books.entrances.begun("shop")
    books.entrances.written("shop", "/change/C1", lease)
    (waiting,) = books.entrances.unsettled("shop")
    books.entrances.settled(waiting, NOON)

    assert [(one.what, one.regions, one.token) for one in begun] == [("hz goes out", ("hz",), "")]
    assert books.entrances.begun("shop") == []
    assert waiting.token == "/change/C1"
    assert books.entrances.unsettled("shop") == []
    assert books.entrances.changes("shop")[0].settled_at == NOON


def test_changes_come_newest_first_and_of_one_entrance(books: Store, lease: Lease):
    for number in range(3):
        books.entrances.begin(Change("shop", f"change {number}", "mia", NOON), lease)

    assert [one.what for one in books.entrances.changes("shop", 2)] == ["change 2", "change 1"]
    assert books.entrances.changes("blog") == []


def test_under_an_old_fence_nothing_is_written(books: Store, lease: Lease):
    books.leases.give_back(lease)
    taken(books)

    for write in (
        lambda: books.entrances.seen("shop", [OUT], GOES, lease),
        lambda: books.entrances.parked("shop", [PARKED], GOES, lease),
        lambda: books.entrances.begin(GOES, lease),
        lambda: books.entrances.written("shop", "x", lease),
    ):
        with pytest.raises(Stopped):
            write()
    assert books.entrances.standings("shop") == {}
    assert books.entrances.changes("shop") == []
