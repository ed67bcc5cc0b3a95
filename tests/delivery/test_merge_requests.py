"""Runs of merge requests: built and tested like a push, and never further."""

from dataclasses import replace

import pytest

from pipeline.delivery.run import NewRun, RunStatus, StageName
from pipeline.errors import StageFailed
from pipeline.spec import Spec
from pipeline.spec import TestSpec as SpecOfTests
from tests.delivery.conftest import COMMIT

REF = "refs/merge-requests/3/head"
TESTED = Spec(test=SpecOfTests(command="pytest -q"))
WHY = "It is of merge request 3: those are built and tested, never published nor deployed."


@pytest.fixture
def asked(world):
    """The world with a queued run of merge request 3."""
    world.source.specs[COMMIT] = TESTED
    return world.queued(environment="", kind="merge_request", ref=REF, merge_request=3, target="main")


def with_repository(world, **changes):
    shop = world.ports.settings.services["shop"]
    changed = replace(shop, repository=replace(shop.repository, **changes))
    world.ports = replace(world.ports, settings=replace(world.ports.settings, services={"shop": changed}))


def test_head_is_built_and_tested_and_goes_no_further(asked):
    run = asked.go()

    assert (run.status, run.error) == (RunStatus.SUCCEEDED, "")
    assert asked.statuses == ["succeeded", "succeeded", "succeeded", "skipped", "skipped"]
    assert [run.stage(name).detail for name in (StageName.PUBLISH, StageName.DEPLOY)] == [
        {"skipped": WHY}
    ] * 2
    assert WHY in asked.log


def test_nothing_is_published_released_or_deployed(asked):
    run = asked.go()

    assert not [deed for deed in asked.builder.deeds if deed.startswith("publish")]
    assert (run.release, run.deployment) == (None, None)
    assert asked.store.releases.releases("shop") == []
    assert asked.store.deployments.deployments() == []
    assert asked.queue.woken == []


def test_red_tests_fail_the_run_and_name_the_merge_request(asked):
    asked.builder.failing["test"] = StageFailed("The tests failed: exit code 1.")

    run = asked.go()

    assert (run.status, run.error) == (RunStatus.FAILED, "The tests failed: exit code 1.")
    assert asked.told == [f"shop merge request 3: run {run.id} failed: The tests failed: exit code 1."]


def test_runs_of_the_environment_do_not_wait_for_it(asked):
    push = asked.store.runs.add(NewRun("shop", "production", "branch", "main", COMMIT, "push:ada")).id

    assert set(asked.store.runs.due()) >= {asked.run_id, push}


def test_next_worker_only_writes_down_what_a_dead_one_left_to_say(asked, monkeypatch):
    monkeypatch.setattr(asked.store.runs, "finish", dying)
    with pytest.raises(KeyboardInterrupt):
        asked.go()
    monkeypatch.undo()
    built = [deed for deed in asked.builder.deeds if deed.startswith("build")]

    run = asked.go()

    assert run.status is RunStatus.SUCCEEDED
    assert [deed for deed in asked.builder.deeds if deed.startswith("build")] == built
    assert asked.statuses[3:] == ["skipped", "skipped"]


def dying(*_):
    raise KeyboardInterrupt


def test_service_without_any_environment_of_that_name_is_no_obstacle(asked):
    shop = asked.ports.settings.services["shop"]
    only = {"shop": replace(shop, environments={})}
    asked.ports = replace(asked.ports, settings=replace(asked.ports.settings, services=only))

    assert asked.go().status is RunStatus.SUCCEEDED


def test_abbreviated_commit_is_looked_up_and_kept_in_full(asked):
    asked.store.runs.cancel(asked.run_id)
    asked.queued(COMMIT[:12], environment="", kind="merge_request", ref="refs/heads/x", merge_request=3)

    run = asked.go()

    assert run.stage(StageName.CHECKOUT).detail["commit"] == COMMIT
    assert asked.builder.orders[0].labels["shipway.commit"] == COMMIT


def test_branch_that_is_named_like_the_commit_is_not_taken_for_it(asked):
    asked.store.runs.cancel(asked.run_id)
    asked.source.refs[f"refs/heads/{COMMIT[:12]}"] = "b" * 40
    asked.queued(COMMIT[:12], environment="", kind="merge_request", ref="refs/heads/x", merge_request=3)

    run = asked.go()

    assert run.status is RunStatus.FAILED
    assert "has a branch named 'aaaaaaaaaaaa', like the commit" in run.error


# ------------------------------------------------------------------------------------------------ forks


@pytest.fixture
def fork(asked):
    asked.store.runs.cancel(asked.run_id)
    return asked.queued(
        environment="", kind="merge_request", ref=REF, merge_request=3, target="main", fork=True
    )


def test_a_fork_is_built_and_tested_without_any_secret(fork):
    run = fork.go()

    assert run.status is RunStatus.SUCCEEDED
    assert [type(order).__name__ for order in fork.builder.orders] == ["BuildOrder", "TestOrder"]
    assert "s3cr3t!" not in str(fork.builder.orders)
    assert not any("reveal" in str(order) or "Secret" in str(order) for order in fork.builder.orders)


@pytest.mark.parametrize(("stranger", "fetched"), [(True, False), (False, True)])
def test_submodules_of_a_fork_are_not_fetched_with_our_token(asked, stranger, fetched):
    with_repository(asked, submodules=True)
    asked.store.runs.cancel(asked.run_id)
    asked.queued(environment="", kind="merge_request", ref=REF, merge_request=3, fork=stranger)
    seen = []
    checkout = asked.source.checkout
    asked.source.checkout = lambda repository, *words: (
        seen.append(repository.submodules) or checkout(repository, *words)
    )

    asked.go()

    assert seen == [fetched]
