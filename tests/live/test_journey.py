"""The main job on real parts: webhook to live release on three hosts, back by itself, back by hand, without a lost request.

One Shipway behind HAProxy for all tests, and one more behind nginx; each test pushes the next version onto what the one
before it left live.
"""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.parts.house import House, ending, host_entry
from tests.parts.laboratory import Laboratory
from tests.parts.lasting import LoadOn
from tests.parts.lasting import name as name
from tests.parts.lasting import own_files as own_files
from tests.parts.needed import needed
from tests.parts.pushes import begun, live_release, pushed, signed, versions
from tests.parts.repository import OWN_FILE, SampleRepository

pytestmark = pytest.mark.live
HURRIED = {".shipway.yml": OWN_FILE.replace("deadline: 20s", "deadline: 5s")}  # of what will never be healthy


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleRepository:
    folder = tmp_path_factory.mktemp("journey")
    return SampleRepository(folder / "shop", folder / "shop.git").create()


@pytest.fixture(scope="module")
def house(lab: Laboratory, shop: SampleRepository) -> Iterator[House]:
    """Up behind HAProxy, with v0 live; besides it knows the hosts that are reached by TLS and by SSH, where `far` runs."""
    made = House(shop.tree.parent / "house", lab, shop.remote)
    made.production["env"] = {"GREETING": "hello"}
    if far := [host for host in (lab.tls, lab.ssh) if host]:
        made.config["hosts"] |= {host.name: host_entry(host) for host in far}
        elsewhere = {"branches": ["far"], "hosts": [host.name for host in far]}
        made.config["services"][made.service]["environments"]["far"] = made.production | elsewhere
    with serving(made, shop):
        yield made


@contextmanager
def serving(house: House, shop: SampleRepository) -> Iterator[House]:
    with ending(house.start()):
        first = pushed(house, shop, "v0")
        assert first["status"] == "succeeded", first
        yield house


@contextmanager
def behind_nginx(folder: Path, lab: Laboratory) -> Iterator[tuple[House, SampleRepository]]:
    """With a repository of its own: no other Shipway is to find its pushes."""
    shop = SampleRepository(folder / "shop", folder / "shop.git").create()
    with serving(House(folder / "house", lab, shop.remote, proxy="nginx"), shop) as house:
        yield house, shop


@contextmanager
def restarted(house: House, **changed: object) -> Iterator[None]:
    """With other settings of its environment for a while."""
    before = {key: house.production[key] for key in changed}
    for settings in (changed, before):
        house.stop()
        house.production.update(settings)
        house.start()
        if settings is changed:
            yield


def test_no_request_is_lost_forward_back_by_itself_and_back_by_hand_behind_haproxy(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    forward_and_back_twice(house, shop, load_on)


def test_no_request_is_lost_forward_back_by_itself_and_back_by_hand_behind_nginx(
    tmp_path: Path, lab: Laboratory, load_on: LoadOn
) -> None:
    with behind_nginx(tmp_path, lab) as (house, shop):
        forward_and_back_twice(house, shop, load_on)


def forward_and_back_twice(house: House, shop: SampleRepository, load_on: LoadOn) -> None:
    first = live_release(house)
    (before,) = versions(house)
    with load_on(house.fronts) as load:
        second = pushed(house, shop, "v2")
        third = pushed(house, shop, "v3", bad="health", **HURRIED)
        back = house.finished_deployment(house.post(f"{house.environment}/rollback")["deployment"])
        counts = load.stop()

    assert second["status"] == "succeeded", second
    assert third["status"] == "failed", third
    bad = house.get(f"/deployments/{third['deployment']}")
    assert bad["status"] == "rolled_back", bad
    assert "/healthz" in bad["error"], bad["error"]
    assert "503" in bad["error"], bad["error"]
    assert back["status"] == "succeeded", back
    assert live_release(house) == first
    assert counts.failed == 0, counts
    assert set(counts.versions) == {before, "v2"}, counts


def test_a_release_that_is_healthy_but_answers_500_never_meets_a_user(
    house: House, shop: SampleRepository, load_on: LoadOn, name: str
) -> None:
    before = versions(house)
    with load_on(house.fronts) as load:
        bad = pushed(house, shop, name, bad="500")
        counts = load.stop()

    assert bad["status"] == "failed", bad
    assert "500" in bad["error"], bad["error"]
    assert counts.failed == 0, counts
    assert set(counts.versions) == before, counts


def test_a_release_that_dies_in_its_bake_is_taken_back(
    house: House, shop: SampleRepository, name: str
) -> None:
    before = versions(house)
    with restarted(house, rollout=house.production["rollout"] | {"bake": "8s"}):
        bad = pushed(house, shop, name, bad="dies:4")

    assert bad["status"] == "failed", bad
    assert house.get(f"/deployments/{bad['deployment']}")["status"] == "rolled_back"
    assert versions(house) == before


def test_a_delivery_is_counted_once_and_a_forged_one_not_at_all(
    house: House, shop: SampleRepository, name: str
) -> None:
    commit = shop.commit(name)
    shop.push()
    body, headers = signed(house, commit)
    already = len(runs_of(house))

    first = house.call("POST", "/hooks/git", body, headers)
    again = house.call("POST", "/hooks/git", body, headers)
    forged = house.call("POST", "/hooks/git", *signed(house, "1" * 40, secret="guess"))

    assert first[0] == 202
    assert again == (200, first[1] | {"duplicate": True})
    assert forged[0] == 401
    assert len(runs_of(house)) == already + 1
    assert house.finished_run(first[1]["runs"][0])["status"] == "succeeded"
    assert len(runs_of(house)) == already + 1


def runs_of(house: House) -> list[object]:
    return list(house.get(f"/runs?service={house.service}")["runs"])


def test_a_failing_test_stops_the_run_before_anything_is_deployed(
    house: House, shop: SampleRepository, name: str
) -> None:
    red = pushed(house, shop, name, **{"test_app.py": "def test_red():\n    assert 1 == 2\n"})

    stages = {stage["name"]: stage["status"] for stage in red["stages"]}
    assert red["status"] == "failed", red
    assert stages["test"] == "failed"
    assert stages["publish"] == "cancelled"
    assert red["deployment"] is None
    assert "1 == 2" in house.call("GET", f"/api/v1/runs/{red['id']}/log")[1]


def test_a_rollback_by_command_restores_image_and_settings_of_that_release(
    house: House, shop: SampleRepository, name: str
) -> None:
    first = live_release(house)
    assert fetch(house, "/greeting") == "hello"
    with restarted(house, env={"GREETING": "goodbye"}):
        assert pushed(house, shop, name)["status"] == "succeeded"
        assert fetch(house, "/greeting") == "goodbye"

        house.shipway("rollback", house.service, "production", "--to", str(first), timeout=120)

        assert live_release(house) == first
        assert fetch(house, "/greeting") == "hello"


def test_an_image_that_others_built_elsewhere_is_deployed_by_its_digest(
    house: House, shop: SampleRepository
) -> None:
    (shop.tree / "VERSION").write_text("theirs")
    image = built_by_others(house, shop.tree)

    house.shipway("deploy", house.service, "production", "--image", image, timeout=120)

    assert versions(house) == {"theirs"}
    assert fetch(house, "/healthz")


def test_engines_reached_by_tls_and_by_ssh_are_released_to_like_any_other(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    far = [needed(house.lab.tls, "tls"), needed(house.lab.ssh, "ssh")]
    fronts = [f"{host.address}:{house.listen}" for host in far]
    first = house.finished_run(begun(house, shop, "far-1", branch="far"))
    assert first["status"] == "succeeded", first

    with load_on(fronts) as load:
        second = house.finished_run(begun(house, shop, "far-2", branch="far"))
        counts = load.stop()

    assert second["status"] == "succeeded", second
    assert counts.failed == 0, counts
    assert versions(house, *fronts) == {"far-2"}


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
