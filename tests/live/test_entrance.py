"""Stop-first behind a load balancer: a fake Aliyun that checks signatures and carries real traffic to the real proxies."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, MemberState, Target
from pipeline.ports import Balancer
from pipeline.secret import Secret
from runners.balancers import Balancers
from tests.load.session import Load
from tests.parts.balancers.aliyun_cloud import SETTINGS, AliyunCloud, Listener
from tests.parts.balancers.aliyun_server import KEYS, aliyun_server
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.balancers.machines import plane
from tests.parts.house import House, ending
from tests.parts.laboratory import Laboratory
from tests.parts.pushes import begun, deployment_of, pushed, versions
from tests.parts.repository import SampleRepository

# What is waited for follows from these: after a park the longest request (nginx cannot say that it is quiet), after an
# admission the checks.
QUICK = {"RequestTimeout": 5, "HealthCheckInterval": 1, "HealthCheckTimeout": 2, "HealthyThreshold": 2}
SPARE = 1.0  # seconds more than the data path is late: its thread may wait for a processor
NEVER_WELL = {".shipway.yml": "run: {port: 8000}\nhealth: {path: /healthz, interval: 500ms, deadline: 4s}\n"}
pytestmark = pytest.mark.live
LoadOn = Callable[[Sequence[str]], Load]


@dataclass
class Entrance:
    """Where users come in, and what the cloud says of the hosts behind it."""

    address: str
    balancer: Balancer
    faults: Faults
    cloud: AliyunCloud

    def states(self) -> set[MemberState]:
        return {member.state for member in self.balancer.members().values()}

    def changes(self) -> list[str]:
        return [action for action, _ in self.cloud.calls if action.startswith(("Add", "Set", "Remove"))]


@contextmanager
def entrance(house: House, late: float = 0.0) -> Iterator[Entrance]:
    """Every host of the house is a member, with our mark."""
    with plane(late) as (data, manners):
        cloud, faults = AliyunCloud(data, manners), Faults()
        for host in house.lab.hosts:
            cloud.addresses[f"i-{host.name}", None] = (host.address, house.listen)
            house.config["hosts"][host.name]["instance"] = f"i-{host.name}"
        slb = cloud.add_slb("lb-1", Listener(80, house.listen, settings=SETTINGS | QUICK))
        slb.default.pool.manner.timeout = 5.0  # a busy machine answers checks late
        key, secret = next(iter(KEYS.items()))
        with aliyun_server(cloud, faults) as server:
            file = {"kind": "aliyun-slb", "id": "lb-1", "region": "cn-hangzhou", "port": house.listen}
            file |= {"endpoint": server.url, "access_key": key, "secret_key": secret}
            file["settle"] = f"{late + SPARE:g}s"
            house.config["load_balancers"] = {"entry": file}
            house.production["load_balancer"] = "entry"
            noun = LoadBalancer(
                "entry",
                BalancerKind.ALIYUN_SLB,
                "lb-1",
                "",
                "cn-hangzhou",
                house.listen,
                server.url,
                key,
                Secret(secret),
            )
            balancer = Balancers({"entry": noun})["entry"]
            balancer.admit([Target(f"i-{host.name}", house.listen) for host in house.lab.hosts])
            manners.begin()
            yield Entrance(f"127.0.0.1:{slb.default.pool.port}", balancer, faults, cloud)


@pytest.mark.parametrize(("proxy", "late"), [("haproxy", 1.0), ("nginx", 0.0)])
def test_stop_first_behind_a_load_balancer_loses_no_request_forward_and_back(
    proxy: str, late: float, tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    house = House(tmp_path / "house", lab.first(2), shop.remote, proxy=proxy)
    house.production["rollout"] |= {"order": "stop-first", "drain_timeout": "2s"}
    with entrance(house, late) as door, ending(house.start()):
        assert pushed(house, shop, "v1")["status"] == "succeeded"
        house.until("all members serve", lambda: door.states() == {MemberState.SERVING}, 30)

        with load_on([door.address]) as load:
            door.faults.add(
                Fault("SetBackendServers", "Throttling.User", 400, times=2),
                Fault("SetBackendServers", lost=True),
            )
            assert pushed(house, shop, "v2")["status"] == "succeeded"
            bad = pushed(house, shop, "v3", bad="health", **NEVER_WELL)
            counts = load.stop()

        assert counts.failed == 0, counts
        assert set(counts.versions) == {"v1", "v2"}
        assert house.get(f"/deployments/{bad['deployment']}")["status"] == "rolled_back"
        assert versions(house) == {"v2"}
        assert door.states() == {MemberState.SERVING}


def test_start_first_behind_a_load_balancer_never_changes_it(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository
) -> None:
    house = House(tmp_path / "house", lab.first(2), shop.remote)
    with entrance(house) as door, ending(house.start()):
        before = door.changes()

        assert pushed(house, shop, "v1")["status"] == "succeeded"
        assert pushed(house, shop, "v2")["status"] == "succeeded"

        assert door.changes() == before


def test_a_driver_that_is_killed_while_a_host_is_parked_leaves_no_host_parked(
    tmp_path: Path, lab: Laboratory, shop: SampleRepository, load_on: LoadOn
) -> None:
    house = House(tmp_path / "house", lab.first(2), shop.remote)
    house.production["rollout"] |= {"order": "stop-first", "drain_timeout": "2s"}
    with entrance(house) as door, ending(house.start()):
        assert pushed(house, shop, "v1")["status"] == "succeeded"
        house.until("all members serve", lambda: door.states() == {MemberState.SERVING}, 30)

        with load_on([door.address]) as load:
            run = begun(house, shop, "v2")
            deployment = deployment_of(house, run)
            house.until("a host is parked", lambda: MemberState.PARKED in door.states(), 60)
            house.kill()
            house.start()
            assert house.finished_run(run)["status"] == "succeeded"
            counts = load.stop()

        assert counts.failed == 0, counts
        assert house.get(f"/deployments/{deployment}")["status"] == "succeeded"
        assert door.states() == {MemberState.SERVING}
