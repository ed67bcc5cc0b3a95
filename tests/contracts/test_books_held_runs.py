"""The contract of runs that are held: by a window or a freeze, until it is over or an admin says that it does not matter."""

import pytest

from pipeline.delivery.run import RunStatus, Stage, StageName, StageStatus
from pipeline.errors import Conflict
from runners.store import Store
from tests.contracts.samples import AT, begun, lease_run, new_run

WHY = "waits for the window that opens Mon 2026-11-30 09:00 UTC"


def held(books: Store) -> int:
    run_id, lease = begun(books)
    books.runs.save_stage(run_id, Stage(StageName.PUBLISH, StageStatus.SUCCEEDED, AT, AT), lease)
    assert books.runs.hold(run_id, WHY, lease)
    books.leases.give_back(lease)
    return run_id


def test_a_held_run_is_queued_says_why_and_is_not_due(books: Store):
    run_id = held(books)

    run = books.runs.run(run_id)
    assert (run.status, run.held, run.waits) == (RunStatus.QUEUED, WHY, False)
    assert books.runs.due() == []
    assert books.runs.begin(run_id, lease_run(books, run_id)) is None
    assert [one.id for one in books.runs.held()] == [run_id]


def test_it_is_due_when_nothing_holds_it_any_more(books: Store):
    run_id = held(books)

    books.runs.held_for(run_id, "waits for the end of the freeze")
    assert books.runs.run(run_id).held == "waits for the end of the freeze"
    assert books.runs.at_rest()
    books.runs.held_for(run_id, "")

    assert books.runs.due() == [run_id]
    assert books.runs.held() == []
    assert not books.runs.at_rest()
    assert books.runs.begin(run_id, lease_run(books, run_id))


def test_what_is_not_held_is_not_held_again_by_a_late_look(books: Store):
    run_id = held(books)
    books.runs.held_for(run_id, "")

    books.runs.held_for(run_id, WHY)

    assert books.runs.due() == [run_id]


def test_an_approval_alone_does_not_let_it_go(books: Store):
    run_id = held(books)

    with pytest.raises(Conflict, match=f"{WHY}.*--override"):
        books.runs.approve(run_id, "api:ada")

    run = books.runs.approve(run_id, "api:root", override=True, reason="a fix")
    assert (run.held, run.overridden_by, run.approved_by) == ("", "api:root", "")
    assert books.runs.run(run_id).override_reason == "a fix"
    assert books.runs.due() == [run_id]


def test_a_newer_run_takes_its_place(books: Store):
    run_id = held(books)

    newer = books.runs.add(new_run())

    run = books.runs.run(run_id)
    assert (run.status, run.held) == (RunStatus.SUPERSEDED, "")
    assert run.stage(StageName.PUBLISH).status is StageStatus.SUCCEEDED
    assert books.runs.due() == [newer.id]


def test_it_gives_way_to_a_newer_one_that_is_queued(books: Store):
    run_id, lease = begun(books)
    newer = books.runs.add(new_run())

    assert not books.runs.hold(run_id, WHY, lease)

    why = f"Run {newer.id}, asked for later, came before this one could be deployed."
    assert books.runs.run(run_id).error == why


def test_it_can_be_cancelled(books: Store):
    run = books.runs.cancel(held(books))

    assert (run.status, run.held, run.error) == (RunStatus.CANCELLED, "", "Cancelled while it was held.")
