"""The contract between a deployment and the run that waits for it: they end alike, in one transaction."""

import pytest

from pipeline.delivery.run import RunStatus, StageName, StageStatus
from pipeline.rollout.deployment import Status
from runners.store import Store
from tests.contracts.samples import (
    PRODUCTION,
    SHOP,
    created,
    handed_over,
    settle,
)

PLACE = SHOP, PRODUCTION


def test_a_new_deployment_supersedes_the_pending_one_and_its_waiting_run(books: Store):
    run_id, old = handed_over(books)

    created(books)

    assert books.deployments.deployment(old).status is Status.SUPERSEDED
    run = books.runs.run(run_id)
    assert (run.status, run.stage(StageName.DEPLOY).status) == (RunStatus.SUPERSEDED, StageStatus.CANCELLED)


@pytest.mark.parametrize(
    ("end", "run_status", "stage_status"),
    [
        (Status.SUCCEEDED, RunStatus.SUCCEEDED, StageStatus.SUCCEEDED),
        (Status.FAILED, RunStatus.FAILED, StageStatus.FAILED),
        (Status.ROLLED_BACK, RunStatus.FAILED, StageStatus.FAILED),
        (Status.SUPERSEDED, RunStatus.SUPERSEDED, StageStatus.CANCELLED),
        (Status.CANCELLED, RunStatus.CANCELLED, StageStatus.CANCELLED),
    ],
)
def test_the_waiting_run_ends_as_its_deployment_does(
    books: Store, end: Status, run_status: RunStatus, stage_status: StageStatus
):
    run_id, number = handed_over(books)

    settle(books, number, end, error="web-1: /healthz answered 503")

    run = books.runs.run(run_id)
    deploy = run.stage(StageName.DEPLOY)
    assert (run.status, run.error) == (run_status, "web-1: /healthz answered 503")
    assert (deploy.status, deploy.error) == (stage_status, "web-1: /healthz answered 503")
    assert deploy.finished_at == run.finished_at
    assert run.finished_at is not None


def test_a_later_deployment_of_the_same_run_does_not_end_it_again(books: Store):
    run_id, number = handed_over(books)
    settle(books, number, Status.SUCCEEDED)

    again = created(books, run=run_id)
    settle(books, again.id, Status.FAILED, error="no")

    assert books.runs.run(run_id).status is RunStatus.SUCCEEDED
