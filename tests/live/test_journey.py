"""The main job on real parts: webhook to live release on three hosts, back by itself, back by hand, without a lost request."""

import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
import pytest

from tests.load.session import Load
from tests.parts.house import House, host_entry
from tests.parts.laboratory import Laboratory
from tests.parts.needed import needed
from tests.parts.pushes import live_release, pushed, signed, versions
from tests.parts.repository import SampleRepository

pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_no_request_is_lost_forward_back_by_itself_and_back_by_hand(
    proxy: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    house = House(tmp_path / "house", lab, shop.remote, proxy=proxy)
    try:
        house.start()
        first = pushed(house, shop, "v1")
        assert first["status"] == "succeeded", first

        with load_on(house.fronts) as load:
            second = pushed(house, shop, "v2")
            third = pushed(house, shop, "v3", bad="health")
            back = house.finished_deployment(house.post(f"{house.environment}/rollback")["deployment"])
            counts = load.stop()

        assert second["status"] == "succeeded", second
        assert third["status"] == "failed", third
        bad = house.get(f"/deployments/{third['deployment']}")
        assert bad["status"] == "rolled_back", bad
        assert "/healthz" in bad["error"], bad["error"]
        assert "503" in bad["error"], bad["error"]
        assert back["status"] == "succeeded", back
        assert live_release(house) == first["release"]
        assert counts.failed == 0, counts
        assert set(counts.versions) == {"v1", "v2"}, counts
        house.stop()
    finally:
        if house.process:
            house.kill()
        house.sweep()


def test_a_release_that_is_healthy_but_answers_500_never_meets_a_user(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"

    with load_on(house.fronts) as load:
        bad = pushed(house, shop, "v2", bad="500")
        counts = load.stop()

    assert bad["status"] == "failed", bad
    assert "500" in bad["error"], bad["error"]
    assert counts.failed == 0, counts
    assert set(counts.versions) == {"v1"}, counts


def test_a_release_that_dies_in_its_bake_is_taken_back(house: House, shop: SampleRepository) -> None:
    house.production["rollout"]["bake"] = "8s"
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"

    bad = pushed(house, shop, "v2", bad="dies:4")

    assert bad["status"] == "failed", bad
    assert house.get(f"/deployments/{bad['deployment']}")["status"] == "rolled_back"
    assert versions(house) == {"v1"}


def test_a_delivery_is_counted_once_and_a_forged_one_not_at_all(house: House, shop: SampleRepository) -> None:
    house.start()
    commit = shop.commit("v1")
    shop.push()
    body, headers = signed(house, commit)

    first = house.call("POST", "/hooks/git", body, headers)
    again = house.call("POST", "/hooks/git", body, headers)
    forged = house.call("POST", "/hooks/git", *signed(house, "1" * 40, secret="guess"))

    assert first[0] == 202
    assert again == (200, first[1] | {"duplicate": True})
    assert forged[0] == 401
    assert len(house.get(f"/runs?service={house.service}")["runs"]) == 1


def test_a_failing_test_stops_the_run_before_anything_is_deployed(
    house: House, shop: SampleRepository
) -> None:
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"

    red = pushed(house, shop, "v2", **{"test_app.py": "def test_red():\n    assert 1 == 2\n"})

    stages = {stage["name"]: stage["status"] for stage in red["stages"]}
    assert red["status"] == "failed", red
    assert stages["test"] == "failed"
    assert stages["publish"] == "cancelled"
    assert red["deployment"] is None
    assert "1 == 2" in house.call("GET", f"/api/v1/runs/{red['id']}/log")[1]


def test_a_rollback_by_command_restores_image_and_settings_of_that_release(
    house: House, shop: SampleRepository
) -> None:
    house.production["env"] = {"GREETING": "hello"}
    house.start()
    first = pushed(house, shop, "v1")
    house.stop()
    house.production["env"] = {"GREETING": "goodbye"}
    house.start()
    assert pushed(house, shop, "v2")["status"] == "succeeded"

    house.shipway("rollback", house.service, "production", "--to", str(first["release"]), timeout=120)

    assert live_release(house) == first["release"]
    assert fetch(house, "/greeting") == "hello"


def test_an_image_that_others_built_elsewhere_is_deployed_by_its_digest(
    house: House, shop: SampleRepository
) -> None:
    house.production["hosts"] = [house.lab.hosts[0].name]
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"
    (shop.tree / "VERSION").write_text("theirs")
    image = built_by_others(house, shop.tree)

    house.shipway("deploy", house.service, "production", "--image", image, timeout=120)

    assert versions(house, house.fronts[0]) == {"theirs"}
    assert fetch(house, "/healthz")


def test_engines_reached_by_tls_and_by_ssh_are_released_to_like_any_other(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    far = [needed(house.lab.tls, "tls"), needed(house.lab.ssh, "ssh")]
    house.config["hosts"] = {host.name: host_entry(host) for host in far}
    house.production["hosts"] = [host.name for host in far]
    fronts = [f"{host.address}:{house.listen}" for host in far]
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"

    with load_on(fronts) as load:
        second = pushed(house, shop, "v2")
        counts = load.stop()

    assert second["status"] == "succeeded", second
    assert counts.failed == 0, counts
    assert versions(house, *fronts) == {"v2"}


def built_by_others(house: House, folder: Path) -> str:
    """repository@digest of an image that another CI pushed."""
    name = f"{house.lab.registry}/another-ci/{house.service}"
    client = docker.DockerClient(base_url=house.lab.builder)
    try:
        image, _ = client.images.build(path=str(folder), tag=f"{name}:main")
        client.images.push(name, "main")
        image.reload()
        return str(image.attrs["RepoDigests"][0])
    finally:
        client.close()


def fetch(house: House, path: str) -> str:
    with urllib.request.urlopen(f"http://{house.fronts[0]}{path}", timeout=5) as answer:
        return str(answer.read().decode()).strip()
