"""A small disk that is nearly full: what nobody needs goes before the next image is pulled, and the rollout goes on."""

from collections.abc import Iterator
from dataclasses import replace

import docker
import pytest

from tests.live.test_prune import marked_on
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import pushed, versions
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost

pytestmark = pytest.mark.live
LARGE = 120  # MiB that nobody needs any more


@pytest.fixture
def small(lab: Laboratory) -> Iterator[SmallHost]:
    with SmallHost(lab, "small-2", megabytes=1000) as made:
        yield made


@pytest.fixture
def house(lab: Laboratory, small: SmallHost, shop: SampleRepository) -> Iterator[House]:
    """A large image of somebody else was live, and then two releases of our own."""
    made = House(shop.tree.parent / "house", replace(lab, hosts=(small.host,)), shop.remote)
    made.production["replicas"] = 1
    made.production["rollout"]["keep"] = 1
    with ending(made.start()):
        assert pushed(made, shop, "v1")["status"] == "succeeded"
        asked = made.post(f"{made.environment}/deployments", {"image": large(made)})
        deployment = made.finished_deployment(asked["deployment"])
        assert deployment["status"] == "succeeded", deployment
        for version in ("v2", "v3"):
            assert pushed(made, shop, version)["status"] == "succeeded"
        yield made


def large(house: House) -> str:
    """Made of the service's own image, with a file that does not compress; pushed under another team's name."""
    client = docker.APIClient(base_url=house.lab.builder, version="1.40")
    name = f"{house.lab.registry}/elsewhere/{house.service}"
    words = ["dd", "if=/dev/urandom", "of=/large", "bs=1M", f"count={LARGE}"]
    try:
        base = next(i for i in client.images(f"{house.lab.registry}/shipway-live/{house.service}"))["Id"]
        made = client.create_container(base, words, user="0")["Id"]
        client.start(made)
        assert client.wait(made)["StatusCode"] == 0
        old = client.inspect_image(base)["Config"]
        changed = client.commit(made, name, "1", conf={**old})["Id"]
        client.remove_container(made)
        list(client.push(name, "1", stream=True))
        (image,) = client.inspect_image(changed)["RepoDigests"]
        client.remove_image(f"{name}:1", force=True)
    finally:
        client.close()
    return str(image)


def test_a_full_disk_heals_before_the_pull_and_keeps_the_way_back(
    house: House, small: SmallHost, shop: SampleRepository
) -> None:
    assert marked_on(house, small.host.engine)

    with small.full(left=200):
        run = pushed(house, shop, "v4")

        assert run["status"] == "succeeded", run
        assert not marked_on(house, small.host.engine)
        assert versions(house) == {"v4"}
        asked = house.post(f"{house.environment}/rollback")
        assert house.finished_deployment(asked["deployment"])["status"] == "succeeded"
        assert versions(house) == {"v3"}
