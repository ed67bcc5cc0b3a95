"""kill -9 for every part but the workers (`test_killed`) in every phase of a rollout and on its way back, while users come.

The parts: the scheduler, the web process, Redis, the registry, a host's engine, a host's network. One Shipway with a host of
the lab and a small one of our own, which is the one that loses its engine and its network: then users are sent to the
other host, as a load balancer would. Each test begins with a release live, and ends with one everywhere.
"""

from collections.abc import Iterator

import pytest

from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn, lasting
from tests.parts.lasting import name as name
from tests.parts.lasting import own_files as own_files
from tests.parts.lasting import shop as shop
from tests.parts.pushes import (
    Facts,
    begun,
    deployment_of,
    history,
    in_status,
    live_release,
    reached,
    releases_on,
    versions,
)
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost
from tests.parts.victims import kill, lose

pytestmark = pytest.mark.live
SMALL, OTHER = "small-3", "web-1"  # in the order of the rollout
PARTS = ("scheduler", "web", "redis", "registry")
# host and phase, each well after the one before it
MOMENTS = ((SMALL, "starting"), (SMALL, "switching"), (OTHER, "checking"), (OTHER, "done"))
SLOW_TO_STOP = "run: {port: 8000, stop_timeout: 4s}\nhealth: {path: /healthz, interval: 200ms}\n"


@pytest.fixture(scope="module")
def small(lab: Laboratory) -> Iterator[SmallHost]:
    with SmallHost(lab, SMALL) as made:
        yield made


@pytest.fixture(scope="module")
def house(lab: Laboratory, small: SmallHost, shop: SampleRepository) -> Iterator[House]:
    """Release 1 is slow to stop, so that the way back from it is long enough to be met on it."""
    with lasting(
        lab, shop, (small.host, lab.hosts[0]), keep_all, bad="deaf", **{".shipway.yml": SLOW_TO_STOP}
    ) as made:
        yield made


def keep_all(house: House) -> None:
    house.production["rollout"]["keep"] = 20


def in_order(house: House, version: str) -> None:
    """One release answers, is all that is there, and nothing waits, is parked or half done."""
    live = live_release(house)
    assert versions(house) == {version}
    assert releases_on(house) == {str(live)}
    found = house.get(house.environment)
    assert found["active_deployment"] is None
    for host in found["hosts"]:
        assert [(r["release"], r["state"]) for r in host["replicas"]] == [(live, "running")], host
    for proxy in found["proxies"]:
        ready = [b["release"] for b in proxy["backends"] if b["state"] == "ready"]
        assert (proxy["running"], ready) == (True, [live]), proxy
    house.until("everything is ready", house._ready, 20, house.log)


@pytest.mark.parametrize("first", range(len(PARTS)), ids=lambda at: f"{PARTS[at]} first")
def test_a_part_killed_in_each_phase_of_a_rollout_changes_nothing(
    first: int, house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    with load_on(house.fronts) as load:
        run = begun(house, shop, name)
        deployment = deployment_of(house, run)
        for part, (host, phase) in zip(PARTS[first:] + PARTS[:first], MOMENTS, strict=True):
            reached(house, deployment, phase, host)
            kill(house, part)
        over = house.finished_run(run)
        counts = load.stop()

    assert (over["status"], over["error"]) == ("succeeded", ""), over
    assert counts.failed == 0, counts
    in_order(house, name)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_killed_on_the_way_back_changes_nothing(part: str, house: House, load_on: LoadOn) -> None:
    (before,) = versions(house)
    with load_on(house.fronts) as load:
        deployment = failing(house)
        kill(house, part)
        gone_back = house.finished_deployment(deployment)
        counts = load.stop()

    went_back(house, gone_back)
    assert counts.failed == 0, counts
    in_order(house, before)


def failing(house: House) -> int:
    """A deployment whose release serves on the first host, died on the second, and is just being taken back."""
    deployment = int(house.post(f"{house.environment}/deployments", {"release": 1})["deployment"])
    reached(house, deployment, "checking", OTHER)
    house.lab.kill(house.lab.hosts[1].engine, service=house.service, release="1")
    in_status(house, deployment, "rolling_back")
    return deployment


def went_back(house: House, deployment: Facts) -> None:
    assert deployment["status"] == "rolled_back", deployment
    assert f"{OTHER}, gate: replica 0 of release 1 exited with code 137" in deployment["error"]
    assert "restored" in history(deployment, SMALL)


@pytest.mark.parametrize(
    ("part", "phases"),
    [
        # an engine that ends its replicas more than three times in one rollout is a fault of its own
        ("engine", ("starting", "switching")),
        ("engine", ("checking", "baking", "done")),
        ("network", ("starting", "checking", "switching", "baking", "done")),
    ],
)
def test_a_host_that_goes_away_in_each_phase_and_comes_back_gets_the_release(
    part: str,
    phases: tuple[str, ...],
    house: House,
    small: SmallHost,
    shop: SampleRepository,
    load_on: LoadOn,
    name: str,
) -> None:
    with load_on(house.fronts[1:]) as load:
        run = begun(house, shop, name)
        deployment = deployment_of(house, run)
        for phase in phases:
            reached(house, deployment, phase, SMALL)
            lose(house, small, part, deployment)
        over = house.finished_run(run)
        counts = load.stop()

    assert (over["status"], over["error"]) == ("succeeded", ""), over
    assert counts.failed == 0, counts
    assert "lost" not in history(house.get(f"/deployments/{deployment}"), OTHER)
    in_order(house, name)


@pytest.mark.parametrize("part", ["engine", "network"])
def test_a_host_that_goes_away_on_the_way_back_is_restored_when_it_returns(
    part: str, house: House, small: SmallHost, load_on: LoadOn
) -> None:
    (before,) = versions(house)
    with load_on(house.fronts[1:]) as load:
        deployment = failing(house)
        lose(house, small, part, deployment)
        gone_back = house.finished_deployment(deployment)
        counts = load.stop()

    went_back(house, gone_back)
    assert counts.failed == 0, counts
    in_order(house, before)
