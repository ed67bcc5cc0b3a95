"""The contract of `pipeline.books.Routes`."""

from dataclasses import replace

import pytest

from pipeline.errors import Stopped
from pipeline.fleet.proxy import Backend, BackendState, Route, Site
from pipeline.lease import Lease, site_key
from runners.store import Store

SITE = Site("front", "web-1")
BACKENDS = (Backend("10.0.0.1:20000", "web-1", 1), Backend("10.0.0.1:20001", "web-1", 1))
SHOP = Route(SITE, "shop", "production", "shop.example.com", BACKENDS)


@pytest.fixture
def books(any_books: Store) -> Store:
    """Stand-ins too."""
    return any_books


@pytest.fixture
def lease(books: Store) -> Lease:
    taken = books.leases.take(site_key(SITE), "driver-1", 30)
    assert taken is not None
    return taken


def test_an_unknown_site_serves_nothing_yet(books: Store):
    wanted = books.routes.wanted(SITE)

    assert (wanted.site, wanted.generation, wanted.routes) == (SITE, 0, ())


def test_a_route_reads_back_and_grows_the_generation(books: Store, lease: Lease):
    answered = books.routes.put(SHOP, lease)

    assert answered.generation == 1
    assert answered.routes == (SHOP,)
    assert books.routes.wanted(SITE) == answered


@pytest.mark.parametrize("same", [SHOP, replace(SHOP, backends=BACKENDS[::-1])])
def test_the_same_route_again_changes_nothing(books: Store, lease: Lease, same: Route):
    books.routes.put(SHOP, lease)

    assert books.routes.put(same, lease).generation == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(SHOP, domain=""),
        replace(SHOP, drain_timeout=5.0),
        replace(SHOP, backends=BACKENDS[:1]),
        replace(SHOP, backends=(BACKENDS[0], replace(BACKENDS[1], state=BackendState.DRAIN))),
    ],
)
def test_any_change_of_a_route_grows_the_generation(books: Store, lease: Lease, other: Route):
    books.routes.put(SHOP, lease)

    answered = books.routes.put(other, lease)

    assert answered.generation == 2
    assert answered.routes == (other,)


DRAINING = replace(SHOP, backends=(BACKENDS[0], replace(BACKENDS[1], state=BackendState.DRAIN)))


def test_letting_go_who_drains_is_no_new_configuration_where_it_does_not_name_them(
    books: Store, lease: Lease
):
    books.routes.put(DRAINING, lease, drains=False)

    answered = books.routes.put(replace(SHOP, backends=BACKENDS[:1]), lease, drains=False)

    assert (answered.generation, answered.routes[0].backends) == (1, BACKENDS[:1])


def test_a_route_of_which_only_drains_are_left_goes_by_a_new_one(books: Store, lease: Lease):
    books.routes.put(replace(DRAINING, backends=DRAINING.backends[1:]), lease, drains=False)

    assert books.routes.put(replace(SHOP, backends=()), lease, drains=False).generation == 2


@pytest.mark.parametrize("other", [SHOP, replace(DRAINING, domain=""), replace(SHOP, backends=())])
def test_every_other_change_is_a_new_one_there_too(books: Store, lease: Lease, other: Route):
    books.routes.put(DRAINING, lease, drains=False)

    assert books.routes.put(other, lease, drains=False).generation == 2


def test_a_site_serves_the_routes_of_all_services_under_one_number(books: Store, lease: Lease):
    books.routes.put(SHOP, lease)
    blog = replace(SHOP, service="blog")

    answered = books.routes.put(blog, lease)

    assert answered.generation == 2
    assert answered.routes == (blog, SHOP)


def test_sites_are_read_together(books: Store, lease: Lease):
    other, unknown = Site("front", "web-2"), Site("back", "web-1")
    books.routes.put(SHOP, lease)
    books.routes.put(replace(SHOP, site=other, backends=BACKENDS[:1]), lease)

    found = books.routes.wanted_on([other, SITE, unknown])

    assert found == {site: books.routes.wanted(site) for site in (SITE, other, unknown)}
    assert [len(found[site].routes) for site in (SITE, other, unknown)] == [1, 1, 0]
    assert books.routes.wanted_on([]) == {}


def test_a_route_without_backends_is_removed(books: Store, lease: Lease):
    books.routes.put(SHOP, lease)

    gone = books.routes.put(replace(SHOP, backends=()), lease)
    again = books.routes.put(replace(SHOP, backends=()), lease)

    assert (gone.generation, gone.routes) == (2, ())
    assert again.generation == 2


def test_books_that_are_behind_get_past_what_the_site_has(books: Store, lease: Lease):
    books.routes.put(SHOP, lease)

    books.routes.outgrow(SITE, 7, lease)

    assert books.routes.wanted(SITE).generation == 8
    assert books.routes.wanted(SITE).routes == (SHOP,)
    assert books.routes.put(replace(SHOP, domain=""), lease).generation == 9


def test_books_of_a_site_that_they_do_not_know_get_past_it_too(books: Store, lease: Lease):
    books.routes.outgrow(SITE, 7, lease)

    assert books.routes.wanted(SITE).generation == 8


@pytest.mark.parametrize("generation", [0, 1])
def test_books_that_are_not_behind_stay(books: Store, lease: Lease, generation: int):
    books.routes.put(SHOP, lease)

    books.routes.outgrow(SITE, generation, lease)

    assert books.routes.wanted(SITE).generation == 1


def test_who_lost_the_lease_changes_no_generation(books: Store, lease: Lease):
    books.routes.put(SHOP, lease)
    books.leases.give_back(lease)

    with pytest.raises(Stopped):
        books.routes.outgrow(SITE, 7, lease)

    assert books.routes.wanted(SITE).generation == 1


def test_sites_do_not_know_each_other(books: Store, lease: Lease):
    books.routes.put(SHOP, lease)

    assert books.routes.wanted(Site("front", "web-2")).generation == 0
    assert books.routes.wanted(Site("back", "web-1")).routes == ()
