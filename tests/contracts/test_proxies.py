"""Port `Proxies`."""

import time
from collections.abc import Iterator

import pytest

from pipeline.errors import Outdated, Rejected, Unreachable
from pipeline.fleet.proxy import BackendSeen
from tests.contracts.grounds import GROUNDS, TRANSPORTS, Ground, make, started, wanted


@pytest.fixture(scope="module", params=[*GROUNDS, *TRANSPORTS])
def place(request: pytest.FixtureRequest) -> Iterator[Ground]:
    made = make(request.param)
    yield made
    made.close()


@pytest.fixture
def ground(place: Ground) -> Ground:
    """With a proxy that nobody served yet; replicas 1 and 2 run from the first test on that wants them."""
    place.renew()
    return place


def test_site_that_was_never_served_does_not_run(ground: Ground):
    found = ground.proxies.seen(ground.proxy, ground.host)

    assert (found.running, found.generation, found.backends) == (False, 0, ())
    assert not found.idle("10.0.0.1:1")


def test_served_site_says_its_generation_and_its_backends(ground: Ground):
    address = started(ground).address
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 3, address))
    found = ground.proxies.seen(ground.proxy, ground.host)

    assert (found.running, found.generation, found.error) == (True, 3, "")
    assert found.serves(address)


def test_serving_the_same_twice_is_serving_it_once(ground: Ground):
    address = started(ground).address
    for _ in range(2):
        ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 3, address))
    found = ground.proxies.seen(ground.proxy, ground.host)

    assert found.generation == 3
    assert [backend.address for backend in found.backends] == [address]


def test_older_generation_is_refused_and_changes_nothing(ground: Ground):
    old, new = started(ground, 1).address, started(ground, 2).address
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 7, new))

    with pytest.raises(Outdated, match=r"it has generation 7, and this was (generation )?6") as refusal:
        ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 6, old, new))

    found = ground.proxies.seen(ground.proxy, ground.host)
    assert refusal.value.running == 7
    assert (found.generation, found.serves(new), found.serves(old)) == (7, True, False)


def test_switch_serves_the_new_and_lets_the_old_become_idle(ground: Ground):
    old, new = started(ground, 1).address, started(ground, 2).address
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, old))
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 2, new, old))
    found = ground.proxies.seen(ground.proxy, ground.host)
    deadline = time.monotonic() + 20
    while not ground.proxies.seen(ground.proxy, ground.host).idle(old) and time.monotonic() < deadline:
        ground.settle(new)

    assert found.generation == 2
    assert found.serves(new)
    assert not found.serves(old)
    assert ground.proxies.seen(ground.proxy, ground.host).idle(old)


def test_requests_are_counted_for_the_replica_that_answered_them(ground: Ground):
    ground.spoil(3)
    good, bad = started(ground, 1).address, started(ground, 3).address
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, good))
    ground.visit(30)
    first = counts(ground, good)
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 2, bad, good))
    ground.visit(30)
    second = counts(ground, bad)

    assert (first.requests, first.errors) == (30, 0)
    assert (second.requests, second.errors) == (30, 30)
    assert first.mean is not None
    assert 0 <= first.mean < 1


def test_counts_go_on_through_a_change_of_other_routes(ground: Ground):
    address = started(ground).address
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, address))
    ground.visit(30)
    before = counts(ground, address)
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 2, address))
    ground.visit(30)

    assert before.requests == 30
    assert counts(ground, address).requests >= 60


def counts(ground: Ground, address: str) -> BackendSeen:
    found = ground.proxies.seen(ground.proxy, ground.host)
    return next(backend for backend in found.backends if backend.address == address)


def test_check_changes_nothing(ground: Ground):
    old, new = started(ground, 1).address, started(ground, 2).address
    ground.proxies.check(ground.proxy, ground.host, wanted(ground, 1, old))
    before = ground.proxies.seen(ground.proxy, ground.host)
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, old))
    ground.proxies.check(ground.proxy, ground.host, wanted(ground, 2, new))
    after = ground.proxies.seen(ground.proxy, ground.host)

    assert not before.running
    assert after.generation == 1
    assert after.serves(old)
    assert not after.serves(new)


def test_site_on_a_host_that_does_not_answer_is_told_and_never_idle(ground: Ground):
    found = ground.proxies.seen(ground.proxy, ground.lost)

    assert not found.idle("10.0.0.1:1")
    with pytest.raises(Unreachable):
        ground.proxies.serve(ground.proxy, ground.lost, wanted(ground, 1, "10.0.0.1:1"))


def test_site_of_another_installation_is_left_alone(ground: Ground):
    _, theirs = ground.another("a" * 16)
    _, mine = ground.another("b" * 16)
    address = started(ground).address
    theirs.serve(ground.proxy, ground.host, wanted(ground, 3, address))

    with pytest.raises(Rejected, match="another Shipway"):
        mine.check(ground.proxy, ground.host, wanted(ground, 1, "10.0.0.1:1"))
    with pytest.raises(Rejected, match="another Shipway"):
        mine.serve(ground.proxy, ground.host, wanted(ground, 1, "10.0.0.1:1"))

    assert "another Shipway" in mine.seen(ground.proxy, ground.host).error
    assert theirs.seen(ground.proxy, ground.host).generation == 3
