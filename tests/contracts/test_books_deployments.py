"""The contract of `pipeline.books.Deployments`."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict, NotFound
from pipeline.rollout.deployment import ACTIVE, FINAL, EnvironmentState, Happening, Reason, Request, Status
from runners.store import Store
from tests.contracts.samples import (
    AT,
    PRODUCTION,
    SHOP,
    created,
    deployment,
    lease_deployment,
    release,
    settle,
)

PLACE = SHOP, PRODUCTION
PLACED = {"web-1": 2, "web-2": 2}


@pytest.fixture
def books(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


def test_a_record_reads_back_whole(books: Store):
    wanted = deployment(
        books.releases.add(release()),
        previous=books.releases.add(release()),
        reason=Reason.ROLLBACK,
        bake_until=AT,
        blocked="web-2 does not answer",
    )

    number = books.deployments.create(wanted)

    assert books.deployments.deployment(number) == replace(wanted, id=number)
    assert books.deployments.deployments(service=SHOP, environment=PRODUCTION) == [replace(wanted, id=number)]


def test_an_unknown_deployment_is_not_found(books: Store):
    with pytest.raises(NotFound, match="no deployment 9"):
        books.deployments.deployment(9)
    with pytest.raises(NotFound, match="no deployment 9"):
        books.deployments.ask(9, Request.PAUSE)


def test_deployments_are_filtered_and_paged_newest_first(books: Store):
    ids = [created(books, environment=name).id for name in ("test", PRODUCTION, "test")]

    assert [d.id for d in books.deployments.deployments()] == ids[::-1]
    assert [d.id for d in books.deployments.deployments(environment="test", limit=1)] == [ids[2]]
    assert [d.id for d in books.deployments.deployments(before=ids[1])] == [ids[0]]
    assert books.deployments.deployments(service="blog") == []
    assert books.deployments.counts() == {"pending": 2, "superseded": 1}


def test_a_new_deployment_leaves_the_active_one_and_other_places_alone(books: Store):
    active = settle(books, created(books).id, Status.ROLLING)
    elsewhere = created(books, environment="test")

    created(books)

    assert books.deployments.deployment(active.id).status is Status.ROLLING
    assert books.deployments.deployment(elsewhere.id).status is Status.PENDING


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_one_deployment_is_active_at_a_time(books: Store, status: Status):
    first = settle(books, created(books).id, status)
    second = created(books)

    lease = lease_deployment(books, second.id)
    with pytest.raises(Conflict, match=f"Deployment {first.id} is at work"):
        books.deployments.save(replace(second, status=Status.PREPARING), [], lease)

    active = books.deployments.active(*PLACE)
    assert active is not None
    assert active.id == first.id


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_deployment_never_changes(books: Store, status: Status):
    over = settle(books, created(books).id, status, error="first")

    lease = lease_deployment(books, over.id)
    with pytest.raises(Conflict, match=f"over already: {status}"):
        books.deployments.save(replace(over, status=Status.ROLLING, error="second"), [], lease)
    with pytest.raises(Conflict, match="over already"):
        books.deployments.ask(over.id, Request.PAUSE)

    assert books.deployments.deployment(over.id) == over
    assert books.deployments.active(*PLACE) is None


def test_success_moves_live_and_last_good(books: Store):
    assert books.deployments.environment(*PLACE) == EnvironmentState(SHOP, PRODUCTION)

    settle(books, created(books).id)

    assert books.deployments.environment(*PLACE) == EnvironmentState(
        SHOP, PRODUCTION, live=1, last_good=1, placed=PLACED
    )


def test_a_settled_deployment_is_live_before_it_is_over(books: Store):
    rolling = settle(books, created(books).id, Status.ROLLING)
    assert books.deployments.environment(*PLACE).live is None

    settle(books, rolling.id, Status.ROLLING, settled=True)

    assert books.deployments.environment(*PLACE).last_good == 1
    assert books.deployments.good_releases(*PLACE) == [1]
    settle(books, rolling.id)
    assert books.deployments.good_releases(*PLACE) == [1]


def test_a_rollback_leaves_last_good_and_brings_back_live(books: Store):
    good = settle(books, created(books).id)

    settle(books, created(books, previous=good.release).id, Status.ROLLED_BACK, error="sick")

    state = books.deployments.environment(*PLACE)
    assert (state.live, state.last_good) == (1, 1)
    assert books.deployments.good_releases(*PLACE) == [1]


def test_a_first_release_rolled_back_leaves_nothing_live(books: Store):
    settle(books, created(books).id, Status.ROLLED_BACK)

    assert books.deployments.environment(*PLACE) == EnvironmentState(SHOP, PRODUCTION)


def test_good_releases_are_ordered_by_when_they_were_good_last(books: Store):
    first = settle(books, created(books).id)
    settle(books, created(books).id)

    back = books.deployments.create(deployment(first.release, reason=Reason.ROLLBACK))
    settle(books, back)

    assert books.deployments.good_releases(*PLACE) == [1, 2]
    assert books.deployments.good_releases(SHOP, "test") == []


def test_a_waiting_deployment_goes_back_to_what_is_good_when_it_begins(books: Store):
    rolling = settle(books, created(books).id, Status.ROLLING)
    waiting = created(books)

    good = settle(books, rolling.id)

    assert books.deployments.deployment(waiting.id).previous == good.release


def test_replicas_that_a_person_set_stay(books: Store):
    books.deployments.set_replicas(*PLACE, 3)
    books.deployments.set_replicas(*PLACE, 5)
    settle(books, created(books).id)

    assert books.deployments.environment(*PLACE) == EnvironmentState(SHOP, PRODUCTION, 1, 1, 5, PLACED)


def test_history_is_kept_in_order_and_read_on_from_a_line(books: Store):
    one = created(books)
    lines = [Happening(AT, "step", f"line {n}", "web-1") for n in range(3)]
    lease = lease_deployment(books, one.id)

    books.deployments.save(replace(one, status=Status.PREPARING), lines[:2], lease)
    books.deployments.save(replace(one, status=Status.ROLLING), lines[2:], lease)

    kept = books.deployments.happenings(one.id)
    assert [line for _, line in kept] == lines
    assert books.deployments.happenings(one.id, after=kept[1][0]) == kept[2:]
    assert books.deployments.happenings(99) == []


def test_nothing_of_a_refused_save_is_kept(books: Store):
    over = settle(books, created(books).id)

    with pytest.raises(Conflict):
        books.deployments.save(over, [Happening(AT, "step", "ghost")], lease_deployment(books, over.id))

    assert books.deployments.happenings(over.id) == []


def test_due_is_what_a_driver_should_take_up_now(books: Store):
    first = created(books)
    elsewhere = created(books, environment="test")
    assert books.deployments.due() == [first.id, elsewhere.id]

    settle(books, first.id, Status.PAUSED)
    second = created(books)
    assert books.deployments.due() == [first.id, elsewhere.id]

    lease = lease_deployment(books, first.id)
    assert books.deployments.due() == [elsewhere.id]
    books.leases.give_back(lease)
    settle(books, first.id, Status.FAILED)
    assert books.deployments.due() == [elsewhere.id, second.id]


@pytest.mark.parametrize("status", [Status.PENDING, Status.ROLLING, Status.PAUSED, Status.ROLLING_BACK])
def test_deployments_are_at_rest_when_all_are_over(books: Store, status: Status):
    assert books.deployments.at_rest()
    number = created(books).id
    if status is not Status.PENDING:
        settle(books, number, status)
    assert not books.deployments.at_rest()

    settle(books, number, Status.SUCCEEDED if status is Status.PENDING else Status.ROLLED_BACK)

    assert books.deployments.at_rest()
