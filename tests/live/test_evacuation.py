"""A region is emptied under load, also when the controller dies on the way; a dead host is replaced within a minute."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.live.test_moving import behind_one_proxy, migrated, placed
from tests.load.session import Load
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import Facts, arrived, begun, versions
from tests.parts.repository import SampleRepository
from tests.parts.small_host import SmallHost

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
LoadOn = Callable[[Sequence[str]], Load]


def test_a_region_is_emptied_without_a_failed_request_also_when_the_controller_dies(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    house = House(tmp_path / "house", lab, shop.remote)
    first, second, third = (host.name for host in lab.hosts)
    for name, region in ((first, "hz"), (second, "hz"), (third, "bj")):
        house.config["hosts"][name]["region"] = region
    front = behind_one_proxy(house, replicas=2)
    with ending(house.start(120)):
        assert house.finished_run(begun(house, shop, "v1"), 300)["status"] == "succeeded"
        planned = house.shipway("evacuate", "hz", "--plan")
        assert f"Proxy {next(iter(house.config['proxies']))} runs on {first} and stays there" in planned
        assert placed(house) == {first: 2, second: 2, third: 2}

        with load_on([front]) as load:
            house.shipway("evacuate", "hz", "--no-wait")
            house.kill()
            house.start(120)
            told = house.shipway("evacuate", "hz", "--reason", "flood", timeout=180)
            counts = load.stop()

        assert "hz is empty." in told
        assert placed(house) == {third: 2}
        assert counts.failed == 0, counts


def test_services_of_a_dead_host_are_elsewhere_within_a_minute(
    tmp_path: Path,
    lab: Laboratory,
    shop: SampleRepository,
    load_on: LoadOn,
) -> None:
    with SmallHost(lab) as small:
        front_host, spare = lab.hosts[0], lab.hosts[1]
        house = House(tmp_path / "house", replace(lab, hosts=(front_host, spare, small.host)), shop.remote)
        front = behind_one_proxy(
            house,
            place=2,
            hosts=[front_host.name, "small-1", spare.name],
            on_host_loss="replace",
            host_loss_grace="2s",
        )
        with ending(house.start(120)):
            assert house.finished_run(begun(house, shop, "v1"), 300)["status"] == "succeeded"
            assert placed(house) == {front_host.name: 1, "small-1": 1}

            small.end()
            since = time.monotonic()
            noticed = arrived(house, "/hosts", _silent("small-1"), "says that it is silent", 60)
            at = time.monotonic() - since
            with load_on([front]) as load:
                migrated(house, 1, seconds=60)
                took = time.monotonic() - since
                counts = load.stop()

            assert noticed
            assert placed(house) == {front_host.name: 1, spare.name: 1}
            assert versions(house, front) == {"v1"}
            assert counts.failed == 0, counts
            assert took < 60, f"known to be silent after {at:.0f} s, replaced after {took:.0f} s"
            small.start()  # what is swept at the end must answer


def _silent(name: str) -> Callable[[Facts], bool]:
    return lambda facts: any(host["name"] == name and host["silent_since"] for host in facts["hosts"])
