"""Hosts are drained, resumed and lost, services move and scale, on real parts and under load."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.load.session import Load
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import Facts, arrived, pushed, versions
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost

pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]


def placed(house: House) -> dict[str, int]:
    """Replicas that run on each host of the environment, where there are any; as the engines say."""
    hosts = house.get(house.environment)["hosts"]
    return {h["host"]: len(h["replicas"]) for h in hosts if h["replicas"]}


def behind_one_proxy(house: House, **production: object) -> str:
    """One proxy for all hosts; where it answers."""
    edge = house.lab.hosts[0]
    (front,) = house.config["proxies"].values()
    front["hosts"] = [edge.name]
    house.production.update({"replicas": 1, **production})
    return f"{edge.address}:{house.listen}"


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_no_request_is_lost_when_hosts_are_drained_and_services_move_and_scale(
    proxy: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    house = House(tmp_path / "house", lab, shop.remote, proxy=proxy)
    front = behind_one_proxy(house, place=2)
    with ending(house.start()):
        assert pushed(house, shop, "v1")["status"] == "succeeded"
        first, second, third = (host.name for host in lab.hosts)
        assert placed(house) == {first: 1, second: 1}

        with load_on([front]) as load:
            house.shipway("hosts", "drain", first, "--reason", "a new kernel", timeout=120)
            assert placed(house) == {second: 1, third: 1}
            house.shipway("hosts", "resume", first, timeout=120)
            assert placed(house) == {second: 1, third: 1}
            house.shipway("services", "move", house.service, "--from", second, "--to", first, timeout=120)
            assert placed(house) == {first: 1, third: 1}
            house.shipway("scale", house.service, "production", "3", timeout=120)
            assert placed(house) == {first: 3, third: 3}
            house.shipway("scale", house.service, "production", "1", timeout=120)
            counts = load.stop()

        assert placed(house) == {first: 1, third: 1}
        assert counts.failed == 0, counts
        assert set(counts.versions) == {"v1"}


def test_the_proxies_of_other_hosts_lose_nothing_when_one_is_drained_and_comes_back(
    house: House, shop: SampleRepository, load_on: LoadOn
) -> None:
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"
    first, *others = (host.name for host in house.lab.hosts)

    with load_on(house.fronts[1:]) as load:
        house.shipway("hosts", "drain", first, timeout=120)
        assert placed(house) == dict.fromkeys(others, 2)
        assert pushed(house, shop, "v2")["status"] == "succeeded"
        assert placed(house) == dict.fromkeys(others, 2)
        house.shipway("hosts", "resume", first, timeout=120)
        counts = load.stop()

    assert placed(house) == dict.fromkeys((first, *others), 2)
    assert versions(house) == {"v2"}
    assert counts.failed == 0, counts


def test_a_host_that_dies_is_replaced_and_cleared_when_it_is_back(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    with SmallHost(lab) as small:
        spare = lab.hosts[0]
        house = House(tmp_path / "house", replace(lab, hosts=(spare, small.host)), shop.remote)
        front = behind_one_proxy(
            house, place=1, hosts=["small-1", spare.name], on_host_loss="replace", host_loss_grace="1s"
        )
        with ending(house.start()):
            assert pushed(house, shop, "v1")["status"] == "succeeded"
            assert placed(house) == {"small-1": 1}

            small.end()
            migrated(house, 1, seconds=120)
            assert versions(house, front) == {"v1"}
            with load_on([front]) as load:
                small.start()
                migrated(house, 2, seconds=120)
                counts = load.stop()

            assert placed(house) == {spare.name: 1}
            assert counts.failed == 0, counts
            assert lab.containers(small.host.engine, service=house.service) == []


def migrated(house: House, count: int, seconds: float) -> None:
    """So many migrations have come about."""

    def there(facts: Facts) -> bool:
        found = [d for d in facts["deployments"] if d["reason"] == "migrate"]
        return [d["status"] for d in found] == ["succeeded"] * count

    arrived(house, f"/deployments?service={house.service}", there, f"has {count} migrations", seconds)
