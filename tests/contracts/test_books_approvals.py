"""The contract of `pipeline.books.Runs`: runs that wait for an approval."""

import pytest

from pipeline.delivery.run import RunStatus, Stage, StageName, StageStatus
from pipeline.errors import Conflict, Stopped
from runners.store import Store
from tests.contracts.samples import (
    AT,
    begun,
    lease_run,
    new_run,
)


def waiting(books: Store) -> int:
    run_id, lease = begun(books)
    books.runs.save_stage(run_id, Stage(StageName.PUBLISH, StageStatus.SUCCEEDED, AT, AT), lease)
    assert books.runs.wait_for_approval(run_id, lease)
    books.leases.give_back(lease)
    return run_id


def test_a_run_that_waits_is_queued_and_not_due_before_somebody_says_yes(books: Store):
    run_id = waiting(books)

    assert books.runs.due() == []
    assert books.runs.begin(run_id, lease_run(books, run_id)) is None
    run = books.runs.run(run_id)
    assert (run.status, run.waits, run.approved_by) == (RunStatus.QUEUED, True, "")


def test_an_approved_run_is_due_and_says_by_whom(books: Store):
    run_id = waiting(books)

    run = books.runs.approve(run_id, "api:ada")

    assert (run.waits, run.approved_by) == (False, "api:ada")
    assert books.runs.due() == [run_id]
    assert books.runs.begin(run_id, lease_run(books, run_id))


@pytest.mark.parametrize("state", ["queued", "running", "approved", "over"])
def test_what_does_not_wait_cannot_be_approved(books: Store, state: str):
    if state == "queued":
        run_id = books.runs.add(new_run()).id
    elif state == "running":
        run_id, _ = begun(books)
    else:
        run_id = waiting(books)
        books.runs.approve(run_id, "ada") if state == "approved" else books.runs.cancel(run_id)

    with pytest.raises(Conflict, match="does not wait for an approval"):
        books.runs.approve(run_id, "bob")


def test_a_newer_run_supersedes_one_that_waits_and_keeps_what_it_did(books: Store):
    run_id = waiting(books)

    newer = books.runs.add(new_run())

    run = books.runs.run(run_id)
    assert (run.status, run.waits) == (RunStatus.SUPERSEDED, False)
    assert run.stage(StageName.PUBLISH) == Stage(StageName.PUBLISH, StageStatus.SUCCEEDED, AT, AT)
    assert run.stage(StageName.DEPLOY).status is StageStatus.CANCELLED
    assert books.runs.due() == [newer.id]


def test_a_run_that_would_wait_gives_way_to_a_newer_one_that_is_queued(books: Store):
    run_id, lease = begun(books)
    newer = books.runs.add(new_run())

    assert not books.runs.wait_for_approval(run_id, lease)

    run = books.runs.run(run_id)
    assert (run.status, run.error) == (
        RunStatus.SUPERSEDED,
        f"Run {newer.id}, asked for later, came before this one could be approved.",
    )


def test_a_run_that_waits_can_be_cancelled(books: Store):
    run = books.runs.cancel(waiting(books))

    assert (run.status, run.error, run.waits) == (
        RunStatus.CANCELLED,
        "Cancelled instead of approved.",
        False,
    )


def test_a_worker_without_its_lease_makes_nobody_wait(books: Store):
    run_id, lease = begun(books)
    books.leases.give_back(lease)
    lease_run(books, run_id, "worker-2")

    with pytest.raises(Stopped):
        books.runs.wait_for_approval(run_id, lease)
