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
from tests.parts.pushes import begun, versions
from tests.parts.repository import SampleRepository
from tests.parts.victims import kill

pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]
# a machine that is busy with other things makes good replicas slow
PATIENT = {"deadline": "3m", "bake": "1s", "compare": {"enabled": False}}
SPEC = (
    "run: {port: 8000, stop_timeout: 10s}\n"
    "health: {path: /healthz, interval: 1s, timeout: 10s, rise: 1, fall: 5, deadline: 2m}\n"
)
QUICK = {"min": 1, "max": 3, "in_after": 4, "warm_up": "5s", "cooldown": "10s"}
OFTEN = {"scaling_every": "5s"}


def group(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/scaling?service={house.service}")["groups"][0]
    return found


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
@pytest.mark.timeout(900)
def test_service_scales_out_under_load_and_in_again_without_a_failed_request(
    proxy: str, tmp_path: Path, lab: Laboratory, shop: SampleRepository
) -> None:
    with ending(House(tmp_path / "house", lab.first(1), shop.remote, proxy=proxy)) as house:
        house.config["server"] |= OFTEN
        house.production.update(replicas=1, scaling=QUICK | {"target": {"requests": 10}})
        house.production["rollout"] |= PATIENT
        house.start()
        assert brought(house, shop)["status"] == "succeeded"

        with Load(standard(house.fronts, rate=4.0)) as quiet:
            with Load(standard(house.fronts, rate=25.0)) as crowd:  # with the quiet ones 29 a second: three
                house.until("it counts", lambda: group(house)["verdict"] == "counting", 120, house.log)
                kill(house, "scheduler")
                house.until("it has grown", lambda: is_at(house, 3), 240, lambda: said(house))
                many = crowd.stop()
            house.until("it has shrunk", lambda: is_at(house, 1), 300, lambda: said(house))
            few = quiet.stop()

        assert (many.failed, few.failed) == (0, 0), (many, few)
        told = [(one["verdict"], one["before"], one["after"]) for one in reversed(group(house)["decisions"])]
        assert [one for one in told if one[0] == "out"] == [("out", 1, 3)], told
        assert told[-1] == ("in", 3, 1), told
        assert versions(house) == {"v1"}
        assert "requests is" in house.shipway("scaling", house.service, "production")


def test_engines_tell_what_replicas_use(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    with ending(House(tmp_path / "house", lab.first(1), shop.remote)) as house:
        house.start()
        assert brought(house, shop)["status"] == "succeeded"
        where = house.lab.hosts[0]
        host = Host(where.name, where.engine, where.address)
        found = house.lab.containers(where.engine, service=house.service)
        names = [container["Id"] for container in found]
        reach = Reach()
        loads = EngineLoads(reach)

        first = loads.used(host, [*names, "f" * 64])
        with load_on(house.fronts) as load:
            house.until("some CPU was used", lambda: _spent(loads, host, names, first) > 0.02, 60)
            load.stop()
        reach.close()

    assert set(first) == set(names)
    assert all(4 << 20 < (sample.memory or 0) < 200 << 20 for sample in first.values())


def brought(house: House, shop: SampleRepository) -> dict[str, Any]:
    return house.finished_run(begun(house, shop, "v1", **{".shipway.yml": SPEC}), 300)


def is_at(house: House, size: int) -> bool:
    """So many run, and nothing is on its way."""
    found = house.get(house.environment)
    return found["active_deployment"] is None and len(found["hosts"][0]["replicas"]) == size


def said(house: House) -> str:
    newest = house.get(f"/deployments?service={house.service}&limit=3")["deployments"]
    errors = [(one["id"], one["status"], one["error"]) for one in newest]
    return f"{group(house)}\n{errors}\n{house.log()}"


def _spent(loads: EngineLoads, host: Host, names: list[str], first: Any) -> float:
    now = loads.used(host, names)
    return sum((now[name].cpu or 0.0) - (first[name].cpu or 0.0) for name in names)
