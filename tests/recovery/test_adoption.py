"""What the books say after a restore: the table of `pipeline.recovery.adoption`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Backend, BackendSeen, BackendState, Proxy, ProxyKind, Site, SiteSeen
from pipeline.fleet.service import Environment
from pipeline.recovery.adoption import PATIENCE, Adoption, Known, Outcome, World, adopt
from pipeline.recovery.remains import Awaited, Found
from pipeline.rollout.deployment import EnvironmentState
from pipeline.rollout.release import HealthCheck, Release, RuntimeSpec
from pipeline.secret import Secret

TAKEN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
RESTORED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON, LATER = RESTORED + timedelta(seconds=2), RESTORED + PATIENCE
AWAITED = Awaited("shop", "production", TAKEN, RESTORED)
HOSTS = tuple(Host(name, f"tcp://{name}:2375", f"10.0.0.{at}") for at, name in enumerate(("web-1", "web-2")))
FRONT = Proxy("front", ProxyKind.HAPROXY, "haproxy:3.2")
SHOP = Environment("shop", "production", HOSTS, proxy=FRONT, domain="shop.example.com", env={"LOG": "info"})
EDGE = Site("front", "web-1")


def image(number: int) -> str:
    return f"r:5000/shop@sha256:{number:064d}"


def release(number: int) -> Release:
    spec = RuntimeSpec(
        9000, env={"LOG": "info"}, health=HealthCheck(path="/healthz"), before_deploy=("migrate",)
    )
    return Release("shop", number, image(number), spec=spec, environment="production")


def found(host: str, number: int, **changes: object) -> Found:
    plain = Found(
        host, "shop", "production", number, image(number), address=f"{host}:2{number:04d}", admitted=True, deployment=40 + number
    )  # fmt: skip
    return replace(plain, **changes)


def site(*served: Found, generation: int = 12, name: str = "web-1") -> SiteSeen:
    backends = tuple(BackendSeen(f.address, BackendState.READY) for f in served)
    return SiteSeen(Site("front", name), True, generation, backends)


def books(live: int | None = 2, *known: int) -> Known:
    state = EnvironmentState("shop", "production", live, live, placed={"web-1": 1, "web-2": 1})
    return Known(state, {number: release(number) for number in known}, release(2))


def decided(known: Known, world: World, now: datetime = SOON) -> Adoption:
    adoption = adopt(SHOP, AWAITED, known, world, now)
    assert adoption is not None
    return adoption


def test_books_that_are_right_stay():
    both = found("web-1", 2), found("web-2", 2)
    adoption = decided(books(2, 2), World(both, (site(*both),)))
    assert (adoption.outcome, adoption.live) == (Outcome.SAME, release(2))
    assert adoption.placed == {"web-1": 1, "web-2": 1}


def test_another_release_that_they_know_becomes_live():
    both = found("web-1", 3), found("web-2", 3)
    adoption = decided(books(2, 3), World(both, (site(*both),)))
    assert (adoption.outcome, adoption.live) == (Outcome.ADOPTED, release(3))
    assert "2026-03-01 03:00" in adoption.said


def test_a_release_that_they_do_not_know_is_written_down_from_its_container():
    spec = RuntimeSpec(
        8000, ("serve",), {"LOG": "info", "DB_URL": "postgres://hush"}, memory=1 << 20, cpus=0.5
    )
    one = found("web-1", 5, commit="c" * 40, spec=spec)
    adoption = decided(books(2), World((one,), (site(one),)))

    live = adoption.live
    assert adoption.outcome is Outcome.RECORDED
    assert live is not None
    assert (live.number, live.image, live.commit) == (5, image(5), "c" * 40)
    assert (live.spec.port, live.spec.command, live.spec.memory, live.spec.cpus) == (
        8000,
        ("serve",),
        1 << 20,
        0.5,
    )
    assert live.spec.env == {"LOG": "info"}
    assert live.spec.secrets == {
        "DB_URL": Secret("postgres://hush")
    }  # of what nobody knows it is kept sealed
    assert (live.spec.health.path, live.spec.before_deploy) == ("/healthz", ("migrate",))


def test_what_the_proxies_serve_counts_and_not_what_waits_beside_it():
    served = found("web-1", 3), found("web-2", 3)
    warm = found("web-1", 2), found("web-2", 2)
    adoption = decided(books(2, 2, 3), World((*warm, *served), (site(*served),)))
    assert adoption.live == release(3)


def test_without_a_word_of_a_proxy_those_that_were_let_in_count():
    fresh = found("web-1", 4, admitted=False)
    adoption = decided(books(2, 3, 4), World((found("web-1", 3), fresh), ()))
    assert adoption.live == release(3)


def test_several_that_serve_stay_and_are_named():
    both = found("web-1", 3), found("web-2", 4)
    adoption = decided(books(2, 3, 4), World(both, (site(*both),)))
    assert (adoption.outcome, adoption.live) == (Outcome.UNCLEAR, None)
    assert "3 on web-1 and 4 on web-2" in adoption.said
    assert adoption.routes[0].ready == {both[0].address, both[1].address}


def test_a_number_that_means_another_image_is_not_taken_for_it():
    one = found("web-1", 2, image=image(9))
    adoption = decided(books(2, 2), World((one,), (site(one),)))
    assert (adoption.outcome, adoption.live) == (Outcome.UNCLEAR, None)
    assert "another image" in adoption.said


@pytest.mark.parametrize("live", [None, 2])
def test_nothing_that_runs_changes_nothing(live: int | None):
    adoption = decided(books(live, 2), World())
    assert (adoption.outcome, adoption.live, adoption.placed) == (Outcome.NOTHING, None, {})


def test_a_silent_host_is_waited_for_and_then_named():
    world = World((found("web-1", 3),), (site(found("web-1", 3)),), ("web-2",))
    assert adopt(SHOP, AWAITED, books(2, 3), world, SOON) is None
    adoption = decided(books(2, 3), world, LATER)
    assert adoption.live == release(3)
    assert adoption.placed == {"web-1": 1, "web-2": 0}
    assert "web-2" in adoption.said


def test_with_all_hosts_silent_it_is_waited_for_ever():
    assert (
        adopt(SHOP, AWAITED, books(2, 2), World(silent=("web-1", "web-2")), LATER + timedelta(days=1)) is None
    )


def test_routes_are_those_that_are_served_under_the_generation_that_serves():
    both = found("web-1", 3), found("web-2", 3)
    adoption = decided(books(2, 3), World(both, (site(*both),)))
    (route,) = adoption.routes
    assert (route.site, route.domain) == (EDGE, "shop.example.com")
    assert route.backends == tuple(sorted(Backend(f.address, f.host, 3) for f in both))
    assert adoption.generations == {EDGE: 12}


def test_where_it_was_moved_to_it_stays():
    moved = found("web-9", 3)
    adoption = decided(books(2, 3), World((moved,), (site(moved),)))
    assert adoption.placed == {"web-9": 1}
    assert adoption.moved == {"web-9": "in"}


def test_what_it_was_scaled_to_since_is_kept():
    four = [found(host, 3, index=i, address=f"{host}:{i}") for host in ("web-1", "web-2") for i in (0, 1)]
    adoption = decided(books(2, 3), World(tuple(four), (site(*four),)))
    assert (adoption.placed, adoption.replicas) == ({"web-1": 2, "web-2": 2}, 2)


def test_numbers_that_were_seen_are_never_given_again():
    warm, served = found("web-1", 7), found("web-1", 3)
    adoption = decided(books(2, 3), World((warm, served), (site(served),)))
    assert (adoption.highest_release, adoption.highest_deployment) == (7, 47)


def test_other_services_are_other_environments_business():
    strange = found("web-1", 8, service="blog")
    mine = found("web-1", 2)
    adoption = decided(books(2, 2), World((strange, mine), (site(strange, mine),)))
    assert adoption.outcome is Outcome.SAME
    assert adoption.routes[0].ready == {mine.address}
