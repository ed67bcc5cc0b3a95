"""A worker that sleeps in the middle of a rollout while users come, is followed by another, and wakes up.

One Shipway with a host of the lab and a small one of our own; each test pushes the next version onto what the one before
it left live.
"""

import time
from collections.abc import Iterator

import pytest

from tests.parts.crew import asleep_at_work, takings
from tests.parts.house import House
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn, lasting
from tests.parts.lasting import name as name
from tests.parts.lasting import shop as shop
from tests.parts.pushes import begun, deployment_of, in_phase, versions
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost
from tests.parts.workshop import gone

pytestmark = pytest.mark.live
PUT_DOWN = ("lease lost, process ends", "deployment put down")


@pytest.fixture(scope="module")
def small(lab: Laboratory) -> Iterator[SmallHost]:
    with SmallHost(lab, "small-2") as made:
        yield made


@pytest.fixture(scope="module")
def house(lab: Laboratory, small: SmallHost, shop: SampleRepository) -> Iterator[House]:
    """Up, with a release live on both hosts."""
    with lasting(lab, shop, (lab.hosts[0], small.host)) as made:
        yield made


@pytest.mark.parametrize(
    ("phase", "seconds"), [("starting", 0.0), ("checking", 30.0), ("switching|baking|done", 0.0)]
)
def test_a_worker_that_slept_through_a_rollout_does_no_harm_when_it_wakes(
    phase: str, seconds: float, house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    with load_on(house.fronts) as load:
        run = begun(house, shop, name)
        deployment = deployment_of(house, run)
        in_phase(house, deployment, *phase.split("|"))
        fell_asleep = time.monotonic()
        with asleep_at_work(house, "deploy") as sleepers:
            before = house.finished_deployment(deployment)
            containers = ids(house)
            house.until("it slept long enough", lambda: time.monotonic() - fell_asleep >= seconds, 60)
        assert gone(sleepers, 10)
        counts = load.stop()

    assert before["status"] == "succeeded", before
    assert house.get(f"/deployments/{deployment}") == before
    assert takings(house, "deployment", deployment) == 2
    assert any(sentence in house.log(100_000) for sentence in PUT_DOWN), house.log(200)
    assert ids(house) == containers
    assert versions(house) == {name}
    assert counts.failed == 0, counts


def ids(house: House) -> set[str]:
    """Of all containers of the service, on all hosts."""
    found = [c for host in house.lab.hosts for c in house.lab.containers(host.engine, service=house.service)]
    return {container["Id"] for container in found}
