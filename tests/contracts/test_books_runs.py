"""The contract of `pipeline.books.Runs`."""

import pytest

from pipeline.delivery.run import OVER, RunStatus, Stage, StageName, StageStatus
from pipeline.errors import Conflict, NotFound, Refused, Stopped
from pipeline.rollout.deployment import Request, Status
from runners.store import Store
from tests.contracts.samples import (
    AT,
    begun,
    deployment,
    handed_over,
    lease_run,
    new_run,
    release,
    settle,
)


def test_a_run_reads_back_as_it_was_asked_for(books: Store):
    added = books.runs.add(new_run(kind="tag", ref="v1"))

    run = books.runs.run(added.id)

    assert run == added
    assert (run.kind, run.ref, run.commit, run.requested_by, run.message) == (
        "tag",
        "v1",
        "a" * 40,
        "push:mia",
        "Sell more",
    )
    assert run.created_at.tzinfo is not None
    assert [stage.status for stage in run.stages] == [StageStatus.PENDING] * 5


def test_an_unknown_run_is_not_found(books: Store):
    with pytest.raises(NotFound, match="no run 7"):
        books.runs.run(7)


def test_runs_are_filtered_and_paged_newest_first(books: Store):
    ids = [books.runs.add(new_run(service=service)).id for service in ("shop", "blog", "shop")]

    assert [run.id for run in books.runs.runs()] == ids[::-1]
    assert [run.id for run in books.runs.runs(service="shop", status="queued")] == [ids[2]]
    assert [run.id for run in books.runs.runs(before=ids[2], limit=1)] == [ids[1]]
    assert books.runs.runs(environment="nowhere") == []
    assert books.runs.counts() == {"queued": 2, "superseded": 1}


def test_begin_starts_and_a_new_owner_raises_the_attempt(books: Store):
    run_id, lease = begun(books)
    books.leases.give_back(lease)

    again = books.runs.begin(run_id, lease_run(books, run_id, "worker-2"))

    assert again is not None
    assert (again.status, again.attempt) == (RunStatus.RUNNING, 2)
    assert again.started_at is not None


def test_begin_refuses_a_second_run_of_the_same_environment(books: Store):
    begun(books)
    second = books.runs.add(new_run())

    assert books.runs.begin(second.id, lease_run(books, second.id)) is None
    assert books.runs.run(second.id).status is RunStatus.QUEUED


@pytest.mark.parametrize("status", sorted(OVER))
def test_a_final_run_never_changes(books: Store, status: RunStatus):
    run_id, lease = begun(books)
    books.runs.finish(run_id, status, "first", lease)
    before = books.runs.run(run_id)

    books.runs.finish(run_id, RunStatus.FAILED, "second", None)
    with pytest.raises(Stopped):
        books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.FAILED), lease)
    with pytest.raises(Stopped):
        books.runs.hand_over(run_id, release(), deployment(release()), lease)

    assert books.runs.begin(run_id, lease) is None
    assert books.runs.run(run_id) == before
    assert before.error == "first"


def test_finish_takes_final_statuses_only(books: Store):
    run_id, lease = begun(books)

    with pytest.raises(Refused, match="no final status"):
        books.runs.finish(run_id, "running", "", lease)


def test_a_saved_stage_reads_back_and_the_rest_is_cancelled_at_the_end(books: Store):
    run_id, lease = begun(books)
    done = Stage(StageName.CHECKOUT, StageStatus.SUCCEEDED, AT, AT, "", {"tree": "abc"})
    books.runs.save_stage(run_id, done, lease)
    books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING, AT), lease)

    books.runs.finish(run_id, RunStatus.FAILED, "worker was told to stop", lease)

    run = books.runs.run(run_id)
    assert run.stage(StageName.CHECKOUT) == done
    assert run.stage(StageName.BUILD).status is StageStatus.CANCELLED
    assert run.stage(StageName.BUILD).finished_at is not None
    assert run.stage(StageName.DEPLOY).status is StageStatus.CANCELLED
    assert (run.status, run.error) == (RunStatus.FAILED, "worker was told to stop")
    assert run.finished_at is not None


def test_hand_over_makes_release_and_deployment_once(books: Store):
    run_id, lease = begun(books)

    first = books.runs.hand_over(run_id, release(), deployment(release()), lease)
    second = books.runs.hand_over(run_id, release(), deployment(release()), lease)

    run = books.runs.run(run_id)
    made = books.deployments.deployment(first)
    assert first == second == run.deployment
    assert run.release == made.release.number == 1
    assert run.stage(StageName.DEPLOY).status is StageStatus.RUNNING
    assert (made.run, made.status, made.release.run) == (run_id, Status.PENDING, run_id)
    assert made.release == books.releases.release("shop", 1)
    assert len(books.releases.releases("shop")) == 1


def test_a_run_that_waits_for_its_deployment_is_left_alone(books: Store):
    run_id, _ = handed_over(books)

    assert books.runs.due() == []
    assert books.runs.begin(run_id, lease_run(books, run_id)) is None


def test_cancelling_a_queued_run_ends_it_at_once(books: Store):
    run = books.runs.cancel(books.runs.add(new_run()).id)

    assert run.status is RunStatus.CANCELLED
    assert {stage.status for stage in run.stages} == {StageStatus.CANCELLED}
    with pytest.raises(Conflict, match="over already: cancelled"):
        books.runs.cancel(run.id)


def test_cancelling_a_running_run_asks_its_worker(books: Store):
    run_id, _ = begun(books)

    run = books.runs.cancel(run_id)

    assert (run.status, run.cancel_requested) == (RunStatus.RUNNING, True)
    assert books.runs.cancel(run_id).cancel_requested


def test_cancelling_a_run_cancels_its_pending_deployment(books: Store):
    run_id, number = handed_over(books)

    run = books.runs.cancel(run_id)

    assert books.deployments.deployment(number).status is Status.CANCELLED
    assert (run.status, run.stage(StageName.DEPLOY).status) == (RunStatus.CANCELLED, StageStatus.CANCELLED)


def test_cancelling_a_run_asks_its_active_deployment_to_abort(books: Store):
    run_id, number = handed_over(books)
    settle(books, number, Status.ROLLING)

    run = books.runs.cancel(run_id)

    assert run.status is RunStatus.RUNNING
    assert books.deployments.requested(number) is Request.ABORT
    assert books.runs.cancel(run_id).cancel_requested


def test_retry_queues_the_same_commit_again_when_the_old_run_is_over(books: Store):
    run_id, lease = begun(books)
    with pytest.raises(Conflict, match="still running"):
        books.runs.retry(run_id, "api:mia")
    books.runs.finish(run_id, RunStatus.FAILED, "", lease)

    again = books.runs.retry(run_id, "api:mia")

    assert again.id != run_id
    assert (again.status, again.commit, again.requested_by) == (RunStatus.QUEUED, "a" * 40, "api:mia")
    assert again.delivery is None


def test_due_is_what_a_worker_should_take_up_now(books: Store):
    running, lease = begun(books)
    behind = books.runs.add(new_run()).id
    elsewhere = books.runs.add(new_run(environment="test")).id

    assert books.runs.due() == [elsewhere]
    books.leases.give_back(lease)
    assert books.runs.due() == [running, elsewhere]
    books.runs.finish(running, RunStatus.FAILED, "", None)
    assert books.runs.due() == [behind, elsewhere]
    lease_run(books, behind)
    assert books.runs.due() == [elsewhere]


def test_runs_are_at_rest_when_all_are_over(books: Store):
    assert books.runs.at_rest()
    run_id, _ = begun(books)
    queued = books.runs.add(new_run(environment="test")).id
    books.runs.finish(run_id, RunStatus.FAILED, "", None)
    assert not books.runs.at_rest()

    books.runs.cancel(queued)

    assert books.runs.at_rest()
