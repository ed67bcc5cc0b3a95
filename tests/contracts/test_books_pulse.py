"""How the books say they are doing: small reads that a scrape makes. On both databases."""

from datetime import UTC, datetime, timedelta

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.figures.pulse import EndedStage
from pipeline.intake.sight import Comparison, Sight
from pipeline.rollout.deployment import Status
from runners.store import Store
from tests.contracts.samples import AT, begun, created, new_run, settle

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_an_empty_book_is_at_rest(books: Store):
    pulse = books.pulse.pulse()

    assert (pulse.queue_age, pulse.outbox, pulse.outbox_age, pulse.scheduler_late) == (0, 0, 0, 0)
    assert set(pulse.leases.values()) == {0}
    assert books.pulse.ended_runs(LONG_AGO) == []


def test_what_waits_and_what_is_held_is_counted(books: Store):
    begun(books)
    books.runs.add(new_run(environment="test"))
    books.leases.take("scheduler", "s", 60)
    books.inbox.saw(Sight("shop"), Comparison(), None)
    books.inbox.trouble("shop", "no route")

    pulse = books.pulse.pulse()

    assert pulse.queue_age >= 0
    assert pulse.outbox == 3
    assert (pulse.leases["run"], pulse.leases["scheduler"], pulse.leases["deployment"]) == (1, 1, 0)
    assert pulse.troubles.keys() == {"shop"}


def test_a_live_release_has_replicas_that_should_run(books: Store):
    settle(books, created(books).id)

    pulse = books.pulse.pulse()

    assert pulse.placed == {("shop", "production"): 4}
    assert pulse.live == {("shop", "production"): 1}


def test_runs_and_deployments_that_ended_since_come_with_their_times(books: Store):
    run, lease = begun(books)
    done = Stage(StageName.TEST, StageStatus.SUCCEEDED, AT, AT + timedelta(seconds=3))
    books.runs.save_stage(run, done, lease)
    books.runs.finish(run, "cancelled", "", lease)
    number = settle(books, created(books).id, Status.ROLLED_BACK, failed_at=AT).id
    created(books)

    runs, deployments = books.pulse.ended_runs(LONG_AGO), books.pulse.ended_deployments(LONG_AGO)

    assert [(one.id, one.stages) for one in runs] == [(run, (EndedStage("test", "succeeded", 3.0),))]
    assert [(one.id, one.status) for one in deployments] == [(number, "rolled_back")]
    assert deployments[0].restored
    assert deployments[0].restored > 0
    assert books.pulse.ended_deployments(deployments[0].finished_at) == []
