"""The contract of `ask` and `requested`: what a person asks of a deployment reaches its driver, and none is lost."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict
from pipeline.lease import Lease
from pipeline.rollout.deployment import Deployment, Request, Status
from runners.store import Store
from tests.contracts.samples import created, lease_deployment, settle


@pytest.fixture
def books(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


def rolling(books: Store) -> tuple[Deployment, Lease]:
    record = settle(books, created(books).id, Status.ROLLING)
    return record, lease_deployment(books, record.id)


def look(books: Store, record: Deployment) -> Deployment:
    """What the driver does first in every look."""
    return replace(record, request=books.deployments.requested(record.id))


def test_a_request_stays_until_the_driver_has_obeyed(books: Store):
    record, lease = rolling(books)
    assert books.deployments.ask(record.id, Request.PAUSE).request is Request.PAUSE

    seen = look(books, record)
    books.deployments.save(seen, [], lease)
    assert books.deployments.requested(record.id) is Request.PAUSE

    books.deployments.save(replace(seen, status=Status.PAUSED, request=Request.NONE), [], lease)
    assert books.deployments.requested(record.id) is Request.NONE


def test_a_request_between_look_and_journal_is_not_wiped_out(books: Store):
    record, lease = rolling(books)
    books.deployments.ask(record.id, Request.PAUSE)
    seen = look(books, record)
    books.deployments.ask(record.id, Request.ABORT)

    books.deployments.save(replace(seen, status=Status.PAUSED, request=Request.NONE), [], lease)

    assert books.deployments.requested(record.id) is Request.ABORT


def test_the_same_request_asked_twice_in_between_is_two_requests(books: Store):
    record, lease = rolling(books)
    books.deployments.ask(record.id, Request.RESUME)
    seen = look(books, record)
    books.deployments.ask(record.id, Request.RESUME)

    books.deployments.save(replace(seen, request=Request.NONE), [], lease)

    assert books.deployments.requested(record.id) is Request.RESUME


def test_a_driver_that_has_not_looked_clears_nothing(books: Store):
    record, lease = rolling(books)
    books.deployments.ask(record.id, Request.PROMOTE)

    books.deployments.save(record, [], lease)

    assert books.deployments.requested(record.id) is Request.PROMOTE


def test_an_old_record_does_not_bring_a_request_back(books: Store):
    record, lease = rolling(books)
    books.deployments.ask(record.id, Request.PAUSE)
    seen = look(books, record)
    books.deployments.save(replace(seen, request=Request.NONE), [], lease)

    books.deployments.save(seen, [], lease)

    assert books.deployments.requested(record.id) is Request.NONE


@pytest.mark.parametrize("later", [Request.PAUSE, Request.RESUME, Request.PROMOTE])
def test_nothing_overrules_an_abort(books: Store, later: Request):
    record, _ = rolling(books)
    books.deployments.ask(record.id, Request.ABORT)

    with pytest.raises(Conflict, match="being aborted"):
        books.deployments.ask(record.id, later)

    assert books.deployments.ask(record.id, Request.ABORT).request is Request.ABORT


def test_the_newest_of_other_requests_counts(books: Store):
    record, _ = rolling(books)

    books.deployments.ask(record.id, Request.PAUSE)
    books.deployments.ask(record.id, Request.RESUME)

    assert books.deployments.requested(record.id) is Request.RESUME


def test_aborting_a_pending_deployment_cancels_it_at_once(books: Store):
    pending = created(books)

    aborted = books.deployments.ask(pending.id, Request.ABORT)

    assert aborted.status is Status.CANCELLED
    assert books.deployments.due() == []


def test_a_pending_deployment_keeps_other_requests_for_its_driver(books: Store):
    pending = created(books)

    books.deployments.ask(pending.id, Request.PAUSE)

    assert books.deployments.deployment(pending.id).status is Status.PENDING
    assert books.deployments.requested(pending.id) is Request.PAUSE
