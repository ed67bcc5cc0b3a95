"""What figures are made of, from the books: columns that the flows fill, of one service, since a moment. On both databases."""

from datetime import UTC, datetime, timedelta

from pipeline.delivery.run import COMMITTED, Stage, StageName, StageStatus
from pipeline.rollout.deployment import Reason, Status
from runners.store import Store
from tests.contracts.samples import AT, begun, created, deployment, release, settle

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MADE = datetime(2026, 2, 28, 9, 30, tzinfo=UTC)


def checked_out(books: Store) -> tuple[int, object]:
    run, lease = begun(books)
    detail = {COMMITTED: "2026-02-28T10:30:00+01:00"}
    done = Stage(StageName.CHECKOUT, StageStatus.SUCCEEDED, AT, AT + timedelta(seconds=2), detail=detail)
    books.runs.save_stage(run, done, lease)
    return run, lease


def test_a_deployment_knows_when_its_commit_was_made_and_when_it_was_good(books: Store):
    run, lease = checked_out(books)
    number = books.runs.hand_over(run, release(), deployment(release()), lease)  # type: ignore[arg-type]
    settle(books, number)

    fact = books.figures.facts("shop", LONG_AGO)[0]

    assert (fact.id, fact.environment, fact.release, fact.reason) == (number, "production", 1, Reason.PUSH)
    assert fact.begin == MADE
    assert fact.end > MADE


def test_a_commit_of_unknown_age_counts_from_its_push(books: Store):
    run, lease = begun(books)
    number = books.runs.hand_over(run, release(), deployment(release()), lease)
    settle(books, number)

    assert books.figures.facts("shop", LONG_AGO)[0].begin == books.runs.run(run).created_at


def test_a_rollback_knows_when_the_failure_was_noticed(books: Store):
    made = created(books, reason=Reason.MANUAL)

    settle(books, made.id, Status.ROLLED_BACK, failed_at=AT)

    fact = books.figures.facts("shop", LONG_AGO)[0]
    assert (fact.status, fact.begin) == (Status.ROLLED_BACK, AT)


def test_what_touched_no_traffic_or_is_not_over_or_too_old_or_anothers_is_left_out(books: Store):
    settle(books, created(books).id, Status.FAILED)
    settle(books, created(books, service="blog").id)
    settle(books, created(books, created_at=LONG_AGO).id)
    created(books)

    assert books.figures.facts("shop", AT) == []


def test_stages_that_came_to_their_own_end_have_a_duration(books: Store):
    run, lease = checked_out(books)
    books.runs.save_stage(run, Stage(StageName.BUILD, StageStatus.SKIPPED, AT, AT), lease)  # type: ignore[arg-type]
    books.runs.finish(run, "cancelled", "", lease)  # type: ignore[arg-type]

    found = books.figures.stage_times("shop", LONG_AGO)

    assert [(one.stage, one.seconds, one.finished_at) for one in found] == [
        ("checkout", 2.0, AT + timedelta(seconds=2))
    ]
    assert books.figures.stage_times("blog", LONG_AGO) == []


def test_only_the_newest_runs_are_read(books: Store):
    for _ in range(3):
        run, lease = checked_out(books)
        books.runs.finish(run, "cancelled", "", lease)  # type: ignore[arg-type]

    assert len(books.figures.stage_times("shop", LONG_AGO, 2)) == 2
