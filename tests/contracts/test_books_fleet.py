"""The contract of `pipeline.books.Fleet`, and of what the book of deployments keeps about places."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import Conflict
from pipeline.rollout.deployment import HostPhase, HostPlan, HostRecord, Request, Status
from runners.store import Store
from tests.contracts.samples import PRODUCTION, SHOP, created, settle

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def books(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


def test_host_of_which_nothing_is_known_has_no_state(books: Store):
    books.fleet.resume("web-1")
    assert books.fleet.answers("web-1", NOON) is False
    assert [s for s in books.fleet.hosts().values() if s.drained_at or s.silent_since or s.returned_at] == []


def test_drained_host_says_who_and_why_until_it_is_resumed(books: Store):
    books.fleet.drain("web-1", "mia", "a new kernel")
    first = books.fleet.hosts()["web-1"]
    books.fleet.drain("web-1", "ben", "a new disk")
    second = books.fleet.hosts()["web-1"]

    assert first.drained == "it is drained (by mia: a new kernel)"
    assert second.drained == "it is drained (by ben: a new disk)"
    assert second.drained_at == first.drained_at

    books.fleet.resume("web-1")
    resumed = books.fleet.hosts()["web-1"]
    assert (resumed.drained, resumed.drained_at) == ("", None)
    assert resumed.returned_at is not None


def test_silence_is_noted_once_and_ends_once(books: Store):
    assert books.fleet.silent("web-1", NOON) is True
    assert books.fleet.silent("web-1", NOON + timedelta(minutes=1)) is False
    assert books.fleet.hosts()["web-1"].silent_since == NOON

    back = NOON + timedelta(minutes=2)
    assert books.fleet.answers("web-1", back) is True
    assert books.fleet.answers("web-1", back) is False
    found = books.fleet.hosts()["web-1"]
    assert (found.silent_since, found.returned_at) == (None, back)


def test_return_is_settled_unless_the_host_has_returned_once_more(books: Store):
    books.fleet.silent("web-1", NOON)
    books.fleet.answers("web-1", NOON)
    books.fleet.settled("web-1", NOON - timedelta(minutes=1))
    assert books.fleet.hosts()["web-1"].returned_at == NOON
    books.fleet.settled("web-1", NOON)
    assert books.fleet.hosts()["web-1"].returned_at is None


def test_moves_of_people_read_back(books: Store):
    assert books.deployments.environment("shop", "production").moved == {}
    books.deployments.set_moved("shop", "production", {"web-1": "out", "web-2": "in"})
    assert books.deployments.environment("shop", "production").moved == {"web-1": "out", "web-2": "in"}


def test_hosts_of_a_good_deployment_are_where_it_runs(books: Store):
    hosts = (
        HostPlan("web-1", replicas=2, before=0),
        HostPlan("web-2"),
        HostPlan("web-3", replicas=0, before=3),
        HostPlan("web-4", replicas=0, before=4),
    )
    records = (HostRecord("web-3", phase=HostPhase.DONE), HostRecord("web-4", phase=HostPhase.SKIPPED))
    number = created(books, hosts=hosts, replicas=1).id

    settle(books, number, Status.ROLLING, settled=True, records=records)

    assert books.deployments.environment(SHOP, PRODUCTION).placed == {"web-1": 2, "web-2": 1, "web-4": 0}


def test_waiting_deployment_goes_back_to_where_the_one_before_it_ran(books: Store):
    moving = (HostPlan("web-1", replicas=0, before=1), HostPlan("web-2", replicas=1, before=0))
    first = created(books, hosts=moving)
    settle(books, first.id, Status.ROLLING)
    plans = (HostPlan("web-1", replicas=0, before=1), HostPlan("web-2", replicas=1, before=1))
    waiting = created(books, hosts=plans)

    settle(books, first.id, Status.ROLLING, settled=True)

    found = books.deployments.deployment(waiting.id)
    assert [(p.host, p.before) for p in found.hosts] == [("web-1", 0), ("web-2", 1)]
    assert found.previous == first.release


def test_host_that_was_touched_in_vain_may_still_have_something(books: Store):
    settle(books, created(books, hosts=(HostPlan("web-1", replicas=2, before=0),)).id)
    plans = (HostPlan("web-1", replicas=0, before=2), HostPlan("web-2", replicas=2, before=0))
    records = (HostRecord("web-2", touched=True, lost_at=NOON),)

    settle(books, created(books, hosts=plans, records=records).id, Status.ROLLED_BACK)

    assert books.deployments.environment(SHOP, PRODUCTION).placed == {"web-1": 2, "web-2": 0}


def test_failure_before_anything_was_touched_changes_no_places(books: Store):
    settle(books, created(books, hosts=(HostPlan("web-1", replicas=2, before=0),)).id)

    settle(books, created(books, records=()).id, Status.FAILED)

    assert books.deployments.environment(SHOP, PRODUCTION).placed == {"web-1": 2}


def test_deployment_that_wants_to_be_alone_takes_nobodys_place(books: Store):
    waiting = created(books)

    with pytest.raises(Conflict, match=f"Deployment {waiting.id} "):
        books.deployments.create(waiting, alone=True)

    assert books.deployments.deployment(waiting.id).status is Status.PENDING
    books.deployments.ask(waiting.id, Request.ABORT)
    assert books.deployments.create(waiting, alone=True) == waiting.id + 1
