"""`shipway prune` on real hosts, a real builder and a real registry: what it says is what it does, and the way back stays.

One Shipway that keeps two releases on its hosts and one in the registry, after four releases and one of somebody else's image.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from pipeline.fleet.host import RegistryAccess
from runners.registries.distribution import Registry
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import shop as shop
from tests.parts.outages import registry_down
from tests.parts.pushes import live_release, pushed, versions
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
KEPT = 2


@pytest.fixture(scope="module")
def house(lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    made = House(shop.tree.parent / "house", lab.first(2), shop.remote)
    made.production["replicas"] = 1
    made.production["rollout"] |= {"keep": KEPT, "batch": "100%"}  # nobody looks at the order here
    made.config["retention"] = {"releases": 1, "age": "1s", "logs": "1s"}
    with ending(made.start()):
        for number in (1, 2):
            assert pushed(made, shop, f"v{number}")["status"] == "succeeded"
        deployed_from_elsewhere(made)
        assert pushed(made, shop, "v4")["status"] == "succeeded"
        assert pushed(made, shop, "v5")["status"] == "succeeded"
        assert marked_on(made, lab.hosts[0].engine)
        time.sleep(1.1)  # the youngest log grows as old as the policy asks
        yield made
        for name in tags(made):
            registry(made).delete(f"{repository(made)}@{registry(made).digest(repository(made), name)}")


def repository(house: House) -> str:
    return f"{house.lab.registry}/shipway-live/{house.service}"


def registry(house: House) -> Registry:
    return Registry(RegistryAccess(house.lab.registry, insecure=True), lambda: ("", ""))


def tags(house: House) -> list[str]:
    return sorted(registry(house).tags(repository(house)))


def deployed_from_elsewhere(house: House) -> None:
    """An image that another team pushed, brought here by its digest."""
    client = docker.APIClient(base_url=house.lab.builder, version="1.40")
    name = f"{house.lab.registry}/elsewhere/{house.service}"
    try:
        base = next(i for i in client.images(f"{repository(house)}") if i["RepoTags"])["Id"]
        made = client.create_container(base)["Id"]
        changed = client.commit(made, name, "1", changes="ENV ELSEWHERE=1")["Id"]
        client.remove_container(made)
        list(client.push(name, "1", stream=True))
        (image,) = client.inspect_image(changed)["RepoDigests"]
        client.remove_image(f"{name}:1", force=True)
    finally:
        client.close()
    asked = house.post(f"{house.environment}/deployments", {"image": image})
    assert house.finished_deployment(asked["deployment"])["status"] == "succeeded"


def engine(address: str) -> docker.APIClient:
    client = docker.APIClient(base_url=address.replace("tcp:", "http:"), version="1.40")
    client.trust_env = False
    return client


def images(house: House, address: str) -> dict[str, Any]:
    """Names of all images, by id."""
    client = engine(address)
    try:
        return {
            image["Id"]: sorted([*(image["RepoTags"] or []), *(image["RepoDigests"] or [])])
            for image in client.images()
        }
    finally:
        client.close()


def marked_on(house: House, address: str) -> bool:
    """Is an image of this test's other team there, with our mark?"""
    names = images(house, address).values()
    return any(
        any(f"/elsewhere/{house.service}@" in n for n in found)
        and any(n.startswith("shipway.local/") for n in found)
        for found in names
    )


def everything(house: House) -> dict[str, Any]:
    """All that a prune could touch."""
    engines = {house.lab.builder, *(host.engine for host in house.lab.hosts)}
    mine = {address: house.lab.containers(address, service=house.service) for address in engines}
    return {
        "images": {address: images(house, address) for address in engines},
        "containers": {address: sorted(c["Id"] for c in found) for address, found in mine.items()},
        "tags": tags(house),
        "files": sorted(
            str(path) for top in ("git", "logs") for path in (house.folder / "data" / top).rglob("*")
        ),
    }


def test_a_dry_run_says_what_would_go_and_changes_nothing(house: House) -> None:
    before = everything(house)

    text = house.shipway("prune", "--dry-run")
    answer = json.loads(house.shipway("prune", "--dry-run", "--json"))

    assert everything(house) == before
    kinds = {thing["kind"] for thing in answer["things"] if thing["goes"]}
    assert kinds >= {"image", "manifest", "log", "build"}
    assert "no release needs it" in text or "no environment keeps release" in text
    assert "live on production" in text
    assert f"{answer['goes']} would go" in text
    assert answer["troubles"] == []


def test_the_real_one_does_what_was_said_and_what_is_kept_can_be_gone_back_to_without_a_registry(
    house: House,
) -> None:
    told = json.loads(house.shipway("prune", "--dry-run", "--json"))
    containers = everything(house)["containers"]

    done = json.loads(house.shipway("prune", "--json"))

    assert [thing["error"] for thing in done["things"] if thing["error"]] == []
    gone = {(t["kind"], t["where"], t["name"]) for t in done["things"] if t["removed"]}
    assert gone >= {(t["kind"], t["where"], t["name"]) for t in told["things"] if t["goes"]}
    assert everything(house)["containers"] == containers
    for host in house.lab.hosts:
        left = [n for names in images(house, host.engine).values() for n in names if house.service in n]
        assert {name for name in left if name.startswith(f"{repository(house)}@")} == kept_images(house)
        assert not [name for name in left if "/elsewhere/" in name]
    assert json.loads(house.shipway("prune", "--dry-run", "--json"))["goes"] == 0
    with registry_down(house.lab):
        live = live_release(house)
        before = house.post(f"{house.environment}/rollback")
        assert house.finished_deployment(before["deployment"])["status"] == "succeeded"
        assert versions(house) == {"v4"}
        again = house.post(f"{house.environment}/rollback", {"release": live})
        assert house.finished_deployment(again["deployment"])["status"] == "succeeded"
        assert versions(house) == {"v5"}


def kept_images(house: House) -> set[str]:
    """Of the newest good releases."""
    return {
        release["image"]
        for release in house.get(f"/releases?service={house.service}&limit={KEPT}")["releases"]
    }


def test_the_registry_keeps_what_hosts_keep(house: House) -> None:
    house.shipway("prune")

    assert len(tags(house)) == KEPT
