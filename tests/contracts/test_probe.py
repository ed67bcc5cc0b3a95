"""Port `Probe`."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.rollout.release import HealthCheck, HealthKind
from tests.contracts.grounds import GROUNDS, TRANSPORTS, Ground, make, started, wanted

CHECK = HealthCheck(HealthKind.HTTP, path="/healthz", smoke=("/",))


@pytest.fixture(scope="module", params=[*GROUNDS, *TRANSPORTS])
def place(request: pytest.FixtureRequest) -> Iterator[Ground]:
    made = make(request.param)
    yield made
    made.close()


@pytest.fixture
def ground(place: Ground) -> Ground:
    """With nothing on it."""
    place.clear()
    return place


def test_well_replica_answers_from_its_proxy_and_from_here(ground: Ground):
    replica = started(ground)
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, replica.address))
    for site in (None, (ground.proxy, ground.host)):
        for check in (CHECK, replace(CHECK, kind=HealthKind.TCP)):
            found = ground.probe.sample(ground.host, site, replica.container, replica.address, check)

            assert (found.ok, found.asked, found.container) == (True, True, replica.container), found.note
            assert found.note
        assert ground.probe.smoke(ground.host, site, replica.container, replica.address, CHECK).ok


def test_dead_replica_is_a_sample_that_is_not_ok(ground: Ground):
    replica = started(ground)
    ground.proxies.serve(ground.proxy, ground.host, wanted(ground, 1, replica.address))
    ground.die(replica.container)
    for site in (None, (ground.proxy, ground.host)):
        for check in (CHECK, replace(CHECK, kind=HealthKind.TCP)):
            found = ground.probe.sample(ground.host, site, replica.container, replica.address, check)

            assert (found.ok, found.asked) == (False, True), found.note
            assert found.note
        assert not ground.probe.smoke(ground.host, site, replica.container, replica.address, CHECK).ok
