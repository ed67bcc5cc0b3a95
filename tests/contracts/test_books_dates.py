"""The databases date what they write, by their own clock. (Stand-ins do not.)"""

from datetime import UTC, datetime

import pytest

from pipeline.rollout.deployment import FINAL, Request, Status
from runners.store import Store
from tests.contracts.samples import created, new_run, release, settle


def _is_now(moment: datetime | None) -> bool:
    return moment is not None and abs((moment - datetime.now(UTC)).total_seconds()) < 60


def test_a_release_is_dated_when_it_is_added(books: Store):
    added = books.releases.add(release())

    assert _is_now(added.created_at)
    assert books.releases.release("shop", 1).created_at == added.created_at


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_deployment_is_dated_when_it_ends(books: Store, status: Status):
    assert _is_now(settle(books, created(books).id, status).finished_at)


def test_a_deployment_that_never_began_is_dated_when_it_is_cancelled_or_superseded(books: Store):
    first, second = created(books), created(books)

    books.deployments.ask(second.id, Request.ABORT)

    assert _is_now(books.deployments.deployment(first.id).finished_at)
    assert _is_now(books.deployments.deployment(second.id).finished_at)


def test_a_run_is_dated_in_utc_when_it_is_added(books: Store):
    moment = books.runs.add(new_run()).created_at

    assert _is_now(moment)
    assert moment.tzinfo is UTC
