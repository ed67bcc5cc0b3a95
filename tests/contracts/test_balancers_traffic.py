"""Port `Balancer`: what its contract promises to users, counted on real requests. In each test the clients ask all the time."""

import time
from collections.abc import Iterator

import pytest

from pipeline.fleet.balancer import MemberState
from tests.contracts.test_balancers import LIVE, MAKERS
from tests.parts.balancers.ground import Ground
from tests.parts.balancers.rolling import roll
from tests.parts.balancers.traffic import traffic

WITH_TRAFFIC = [name for name in MAKERS if name != "world" and "memory" not in name]
ALL = [pytest.param(name, marks=pytest.mark.live if name in LIVE else ()) for name in WITH_TRAFFIC]
CAN_BE_LATE = ["aliyun", "aliyun alb", "elbv2"]
LATE = 1.0  # seconds by which the data path follows the API


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    name, late = request.param if isinstance(request.param, tuple) else (request.param, 0.0)
    with MAKERS[name](late) as made:
        yield made


@pytest.mark.parametrize("ground", ALL, indirect=True)
def test_a_park_under_load_loses_no_request_and_new_ones_stop(ground: Ground):
    first = ground.targets[0]
    backend = ground.backends[first]
    assert backend
    with traffic(ground.clients, kept=ground.kept) as users:
        users.more(40)
        ground.balancer.park([first])
        ground.out(first)
        ground.until("idle", lambda: backend.idle(0.3))
        last = backend.last
        users.more(60)

    assert users.failed == {}
    assert backend.last == last


@pytest.mark.parametrize("ground", ALL, indirect=True)
def test_an_admitted_member_is_found_healthy_and_gets_requests(ground: Ground):
    first = ground.targets[0]
    backend = ground.backends[first]
    assert backend
    with traffic(ground.clients, kept=ground.kept) as users:
        ground.balancer.park([first])
        ground.out(first)
        ground.until("idle", lambda: backend.idle(0.3))
        since = time.monotonic()
        ground.balancer.admit([first])
        ground.serving([first])
        ground.until("asked by users", lambda: backend.last > since)

    assert users.failed == {}


@pytest.mark.parametrize("ground", [name for name in ALL if name.values != ("nginx",)], indirect=True)
def test_one_that_is_ill_is_found_out_and_gets_no_requests(ground: Ground):
    first = ground.targets[0]
    backend = ground.backends[first]
    assert backend
    with traffic(ground.clients, kept=ground.kept) as users:
        ground.balancer.park([first])
        ground.out(first)
        ground.until("idle", lambda: backend.idle(0.3))
        backend.well = False
        ground.balancer.admit([first])
        ground.until("found ill", lambda: ground.state(first) is MemberState.FAILING)
        ground.until("idle", lambda: backend.idle(0.3))
        last = backend.last
        users.more(40)

    assert users.failed == {}
    assert backend.last == last


@pytest.mark.parametrize(
    "ground", [*ALL, *(pytest.param((name, LATE), id=f"{name} late") for name in CAN_BE_LATE)], indirect=True
)
def test_a_roll_over_three_machines_with_eight_clients_loses_nothing(
    ground: Ground, request: pytest.FixtureRequest
):
    quiet = 0.4 + (LATE if "late" in request.node.callspec.id else 0.0)
    with traffic(ground.clients, clients=8, kept=ground.kept) as users:
        users.more(40)
        roll(ground, quiet)
        users.more(40)

    assert users.failed == {}
    assert [backend and backend.version for backend in ground.backends.values()] == [2, 2, 2]
