"""A service that scales by itself, under real load through a real proxy: out and in again, the scheduler killed on the way."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.fleet.host import Host
from runners.load import EngineLoads
from runners.reach import Reach
from tests.load.session import Load, standard
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import pushed, versions
from tests.parts.repository import SampleRepository
from tests.parts.victims import kill

pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]
QUICK = {"min": 1, "max": 3, "in_after": 4, "warm_up": "5s", "cooldown": "20s"}


def group(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/scaling?service={house.service}")["groups"][0]
    return found


def replicas(house: House) -> int:
    """Those that run, on the first host."""
    return len(house.get(house.environment)["hosts"][0]["replicas"])


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_service_scales_out_under_load_and_in_again_without_a_failed_request(
    proxy: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository
) -> None:
    with ending(House(tmp_path / "house", lab.first(2), shop.remote, proxy=proxy)) as house:
        house.production |= {"replicas": 1, "scaling": QUICK | {"target": {"requests": 30}}}
        house.start()
        assert pushed(house, shop, "v1")["status"] == "succeeded"

        with Load(standard(house.fronts, rate=20.0)) as quiet:  # 10 a second to each of the two
            with Load(standard(house.fronts, rate=140.0)) as crowd:  # 80 to each: three on each host
                house.until("it counts", lambda: group(house)["verdict"] == "counting", 60, house.log)
                kill(house, "scheduler")
                house.until(
                    "it has grown",
                    lambda: replicas(house) == 3,
                    150,
                    lambda: f"{group(house)}\n{house.log()}",
                )
                many = crowd.stop()
            house.until(
                "it has shrunk", lambda: replicas(house) == 1, 240, lambda: f"{group(house)}\n{house.log()}"
            )
            few = quiet.stop()

        assert (many.failed, few.failed) == (0, 0), (many, few)
        told = [(one["verdict"], one["before"], one["after"]) for one in reversed(group(house)["decisions"])]
        assert [one for one in told if one[0] == "out"] == [("out", 1, 3)], told
        assert told[-1][0] == "in", told
        assert versions(house) == {"v1"}
        assert "requests is" in house.shipway("scaling", house.service, "production")


def test_engines_tell_what_replicas_use(house: House, shop: SampleRepository, load_on: LoadOn) -> None:
    house.start()
    assert pushed(house, shop, "v1")["status"] == "succeeded"
    where = house.lab.hosts[0]
    host = Host(where.name, where.engine, where.address)
    found = house.lab.containers(where.engine, service=house.service)
    names = [container["Id"] for container in found]
    reach = Reach()
    loads = EngineLoads(reach)

    first = loads.used(host, [*names, "f" * 64])
    with load_on(house.fronts) as load:
        house.until("some requests came", lambda: _spent(loads, host, names, first) > 0.02, 20)
        load.stop()
    reach.close()

    assert set(first) == set(names)
    assert all(4 << 20 < (sample.memory or 0) < 200 << 20 for sample in first.values())


def _spent(loads: EngineLoads, host: Host, names: list[str], first: Any) -> float:
    now = loads.used(host, names)
    return sum((now[name].cpu or 0.0) - (first[name].cpu or 0.0) for name in names)
