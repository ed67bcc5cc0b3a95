"""The contract of `pipeline.summaries`: many places at once say what each says alone."""

import pytest

from pipeline.delivery.run import RunStatus, RunSummary
from pipeline.rollout.deployment import EnvironmentState, Status
from pipeline.rollout.release import ReleaseSummary
from runners.store import Store
from tests.contracts.samples import PRODUCTION, SHOP, begun, created, new_run, release, settle

PLACE = SHOP, PRODUCTION
TEST = SHOP, "test"
NOWHERE = "blog", 'it\'s "here"'


@pytest.fixture
def stores(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


def test_environments_are_what_each_is_alone(stores: Store):
    settle(stores, created(stores).id)
    stores.deployments.set_moved(*TEST, {"web-1": "in"})

    found = stores.deployments.environments([PLACE, TEST, NOWHERE])

    assert found == {place: stores.deployments.environment(*place) for place in (PLACE, TEST, NOWHERE)}
    assert found[NOWHERE] == EnvironmentState(*NOWHERE)
    assert found[PLACE].live == 1


def test_what_is_under_way_is_all_that_is_not_over_newest_first(stores: Store):
    settle(stores, created(stores).id)
    rolling = settle(stores, created(stores).id, Status.ROLLING)
    waiting = created(stores)
    elsewhere = created(stores, environment="test")

    assert list(stores.deployments.under_way()) == [elsewhere, waiting, rolling]


def test_the_newest_deployments_of_each_place_are_summed_up(stores: Store):
    first = settle(stores, created(stores).id)
    bad = settle(stores, created(stores).id, Status.ROLLED_BACK, error="web-1: 503", settled=True)
    rolling = settle(stores, created(stores).id, Status.ROLLING)
    other = settle(stores, created(stores, environment="test").id, Status.FAILED, error="no disk")

    two = stores.deployments.newest([PLACE, NOWHERE], 2)
    every = stores.deployments.newest([TEST, PLACE], 9)

    assert {place: [d.id for d in found] for place, found in two.items()} == {PLACE: [rolling.id, bad.id]}
    assert {place: [d.id for d in found] for place, found in every.items()} == {
        PLACE: [rolling.id, bad.id, first.id],
        TEST: [other.id],
    }
    told = {d.id: (d.status, d.release, d.good, d.error, d.over) for found in every.values() for d in found}
    assert told == {
        first.id: (Status.SUCCEEDED, 1, True, "", True),
        bad.id: (Status.ROLLED_BACK, 2, True, "web-1: 503", True),
        rolling.id: (Status.ROLLING, 3, False, "", False),
        other.id: (Status.FAILED, 4, False, "no disk", True),
    }
    assert [(d.created_at, d.finished_at) for d in every[PLACE][1:]] == [
        (d.created_at, d.finished_at) for d in (bad, first)
    ]


def test_of_no_place_nothing_is_said(stores: Store):
    created(stores)

    assert stores.deployments.environments([]) == {}
    assert stores.deployments.newest([], 4) == {}
    assert stores.releases.summaries([]) == {}


def test_releases_are_summed_up_by_service_and_number(stores: Store):
    kept = [stores.releases.add(release(service=name, ref="v1", run=7)) for name in (SHOP, SHOP, "blog")]

    found = stores.releases.summaries([(SHOP, 2), ("blog", 1), ("blog", 2), ("nobody", 1)])

    assert found == {
        (one.service, one.number): ReleaseSummary(
            one.service, one.number, one.commit, "v1", 7, one.created_at, one.image
        )
        for one in kept[1:]
    }


def test_the_newest_runs_of_each_place_are_summed_up(books: Store):
    old = books.runs.add(new_run())
    failed, lease = begun(books)
    books.runs.finish(failed, RunStatus.FAILED, "red", lease)
    other = books.runs.add(new_run(environment="test"))
    books.runs.add(new_run(environment="", merge_request=5))

    found = books.runs.newest([PLACE, TEST, NOWHERE], 1)

    ended = books.runs.run(failed)
    assert found == {
        PLACE: [RunSummary(failed, RunStatus.FAILED, ended.finished_at, "red")],
        TEST: [RunSummary(other.id, RunStatus.QUEUED)],
    }
    assert [run.id for run in books.runs.newest([PLACE], 5)[PLACE]] == [failed, old.id]


def test_messages_are_those_of_runs_that_are_kept(books: Store):
    run = books.runs.add(new_run(message="Sell more\n\nMuch more"))

    assert books.runs.messages([run.id, 9999]) == {run.id: "Sell more\n\nMuch more"}
    assert books.runs.messages([]) == {}
