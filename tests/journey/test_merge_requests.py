"""Merge requests from GitLab's webhook to their end, over real git: refs/merge-requests/N/head in a bare repository."""

import pytest

from pipeline.delivery.run import RunStatus, StageName
from pipeline.fleet.service import MergeRequests


@pytest.fixture
def main(road):
    """The road with a commit on main that is live."""
    road.main = road.commit({"a": "1\n"})
    road.push(road.main)
    road.settle()
    assert road.deployed == [road.main]
    return road


def statuses(run):
    return [stage.status.value for stage in run.stages]


def test_a_merge_request_is_built_and_tested_from_the_ref_of_the_forge_and_never_deployed(main):
    head = main.commit({"a": "2\n"}, main.main)

    (number,) = main.ask(head).runs
    main.settle()

    run = main.run(number)
    assert run.status is RunStatus.SUCCEEDED
    assert statuses(run) == ["succeeded", "succeeded", "skipped", "skipped", "skipped"]
    assert "Fetched refs/merge-requests/1/head" in main.said(number)
    assert "never published nor deployed" in run.stage(StageName.DEPLOY).detail["skipped"]
    assert main.deployed == [main.main]
    assert [deed.partition(" ")[0] for deed in main.builder.deeds if f":run-{number}" in deed] == ["build"]


def test_new_commits_supersede_queued_runs_of_the_request_and_no_push(main):
    heads = [main.commit({"a": text}, main.main) for text in ("2\n", "3\n")]
    (first,) = main.ask(heads[0]).runs
    (push,) = main.push(main.commit({"b": "1\n"}, main.main)).runs

    (second,) = main.ask(heads[1], action="update", oldrev=heads[0]).runs
    main.settle()

    assert [main.run(one).status for one in (first, push, second)] == ["superseded", "succeeded", "succeeded"]
    assert f"Run {second}," in main.run(first).error


def test_a_merge_request_is_worked_on_while_a_deployment_holds_the_environment(main):
    main.push(main.commit({"b": "1\n"}, main.main))
    head, asked = main.commit({"a": "2\n"}, main.main), []

    def meanwhile():
        under_way = main.store.deployments.active("shop", "production")
        asked.extend([under_way, *main.ask(head).runs])
        main.work("run", asked[1])
        asked.append(main.run(asked[1]).status)

    main.plan.after(12.0, meanwhile)
    main.settle()

    assert asked[0] is not None
    assert asked[2] is RunStatus.SUCCEEDED
    assert len(main.deployed) == 2


def test_a_fork_is_built_only_where_the_operator_allows_it_and_without_secrets(main):
    head = main.commit({"a": "2\n"})

    ignored = main.ask(head, source=2)
    main.serve(merge_requests=MergeRequests(forks=True))
    (number,) = main.ask(head, source=2).runs
    main.settle()

    assert ignored.ignored.startswith("merge request 1 comes from a fork and is not built")
    assert (main.run(number).status, main.run(number).fork) == (RunStatus.SUCCEEDED, True)
    assert len(main.deployed) == 1


def test_a_head_that_was_pushed_away_fails_with_a_sentence(main):
    (number,) = main.ask(main.commit({"a": "2\n"}, main.main)).runs
    main.origin.ref("refs/merge-requests/1/head", main.commit({"a": "3\n"}, main.main))
    main.origin.git("gc", "-q", "--prune=now")

    main.settle()

    assert main.run(number).status is RunStatus.FAILED
    assert "is no longer in" in main.run(number).error


@pytest.mark.parametrize("action", ["close", "merge", "update", "approved"])
def test_what_brings_no_commit_makes_no_run(main, action):
    received = main.ask(main.main, action=action)

    assert received.runs == ()
    assert received.ignored


@pytest.mark.parametrize(("action", "how"), [("merge", "merged"), ("close", "closed")])
def test_a_queued_run_of_a_request_that_is_over_is_cancelled_and_says_why(main, action, how):
    (number,) = main.ask(main.commit({"a": "2\n"}, main.main)).runs

    main.ask(main.main, action=action)
    main.settle()

    run = main.run(number)
    assert (run.status, run.error) == (
        RunStatus.CANCELLED,
        f"Merge request 1 was {how}: nobody waits for its tests any more.",
    )
    assert main.builder.deeds == [deed for deed in main.builder.deeds if f":run-{number}" not in deed]


def test_a_run_that_is_worked_on_ends_with_the_reason(main):
    (number,) = main.ask(main.commit({"a": "2\n"}, main.main)).runs
    main.builder.pace = lambda: main.ask(main.main, action="merge")
    main.builder.hanging.add("build")

    main.settle()

    run = main.run(number)
    assert (run.status, run.error) == (
        RunStatus.CANCELLED,
        "Merge request 1 was merged: nobody waits for its tests any more.",
    )
    assert statuses(run)[:2] == ["succeeded", "cancelled"]


def test_neither_pushes_nor_other_requests_nor_deployments_end_with_it(main):
    (push,) = main.push(main.commit({"b": "1\n"}, main.main)).runs
    (other,) = main.ask(main.commit({"a": "2\n"}, main.main), number=2).runs

    main.ask(main.main, action="merge")
    main.settle()

    assert [main.run(one).status for one in (push, other)] == [RunStatus.SUCCEEDED] * 2
    assert len(main.deployed) == 2


def test_a_request_that_was_reopened_is_built(main):
    head = main.commit({"a": "2\n"}, main.main)
    (first,) = main.ask(head).runs
    main.ask(head, action="close")
    (second,) = main.ask(head, action="reopen").runs

    main.settle()

    assert [main.run(one).status for one in (first, second)] == [RunStatus.CANCELLED, RunStatus.SUCCEEDED]
