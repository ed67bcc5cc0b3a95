"""Clouds on which the contract of `Compute` is tried: in memory, fakes over HTTP, and the lab's machines."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import boto3
import pytest

from pipeline.pools.cloud import Compute
from pipeline.pools.order import Order
from pipeline.pools.pool import Pool, Provider
from pipeline.secret import Secret
from runners.clouds.aliyun import AliyunEcs
from runners.clouds.aws import AwsEc2
from runners.clouds.lab import LabMachines
from runners.patience import Patience
from runners.stand_ins.clouds import MemoryCloud
from tests.parts.balancers.aliyun_server import KEYS, aliyun_server
from tests.parts.balancers.aws_server import aws_server
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.clouds.aliyun_ecs import EcsCloud
from tests.parts.clouds.aws_ec2 import HonestEc2
from tests.parts.laboratory import laboratory

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"  # installations
PATIENCE = Patience(5.0, first=0.01, longest=0.05)
_NUMBERS = count(1)


@dataclass
class Ground:
    """`another(installation, pool)` is the same cloud for somebody else. `fault` is met by the next launch."""

    pool: Pool
    another: Callable[[str, Pool], Compute]
    living: Callable[[], int]
    fault: Callable[[str], None]
    take_away: Callable[[str], None] = lambda _: None
    limit: int = 0
    sent: Callable[[], dict[str, Any]] = dict  # the last order, as it arrived
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compute = self.another(OURS, self.pool)
        self._begun = f"{next(_NUMBERS)}-{datetime.now(UTC):%H%M%S%f}"

    def order(self, number: int = 1, **changes: Any) -> Order:
        wish = f"wish-{number}-{self._begun}"
        same = {
            key: getattr(self.pool, key) for key in ("region", "type", "image", "subnet", "security_group")
        }
        release = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=6)
        order = Order(wish, f"web-{number}", self.pool.name, **same, release_at=release)
        return replace(order, **{"user_data": Secret("#!/bin/sh\ntrue\n"), **changes})


@contextmanager
def memory() -> Iterator[Ground]:
    pool = Pool("web", Provider.ALIYUN, max=9)
    cloud = MemoryCloud(pool, lambda: datetime.now(UTC))
    yield Ground(pool, lambda *_: cloud, lambda: len(cloud.rows), lambda _: None)


@contextmanager
def aliyun() -> Iterator[Ground]:
    cloud, faults = EcsCloud(), Faults()
    with aliyun_server(cloud, faults) as server:
        key, secret = next(iter(KEYS.items()))
        pool = Pool("web", Provider.ALIYUN, max=9, region="cn-hangzhou", type="ecs.c7.large", image="m-docker",
                    subnet="vsw-1", security_group="sg-1", endpoint=server.url, access_key=key,
                    secret_key=Secret(secret))  # fmt: skip
        yield Ground(
            pool,
            lambda installation, one: AliyunEcs(one, installation, PATIENCE),
            living=lambda: len(cloud.machines),
            fault=lambda kind: faults.add(
                _fault("RunInstances", kind, "Throttling.User", "ServiceUnavailable")
            ),
            take_away=cloud.recycled.add,
            limit=32 << 10,
            sent=lambda: list(cloud.machines.values())[-1]["order"],
        )


@cache
def _session() -> Any:
    """One for all: it keeps the descriptions of the services, which are large."""
    return boto3.session.Session()


@contextmanager
def aws() -> Iterator[Ground]:
    faults, made = Faults(), list[HonestEc2]()

    def front(moto: Any) -> Any:
        made.append(HonestEc2(moto))
        return made[0]

    with aws_server(faults, front) as (url, _):
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET"}
        client = _session().client("ec2", region_name="eu-central-1", endpoint_url=url, **keys)
        subnet = client.describe_subnets()["Subnets"][0]
        groups = client.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])
        few = [{"Name": "name", "Values": ["amzn2-ami-hvm-2*"]}]  # of 1,285, which take a second to tell
        image = client.describe_images(Filters=few)["Images"][0]["ImageId"]
        made[0].images.add(image)
        pool = Pool(f"web{next(_NUMBERS)}", Provider.AWS, max=9, region="eu-central-1", type="t3.small", image=image,
                    subnet=subnet["SubnetId"], security_group=groups["SecurityGroups"][0]["GroupId"],
                    endpoint=url, access_key="AKID", secret_key=Secret("SECRET"))  # fmt: skip
        yield Ground(
            pool,
            lambda installation, one: AwsEc2(one, installation, PATIENCE, _session()),
            living=lambda: len(_living(client, pool)),
            fault=lambda kind: faults.add(
                _fault("RunInstances", kind, "RequestLimitExceeded", "Unavailable")
            ),
            limit=16 << 10,
            sent=lambda: made[0].orders[-1],
        )
        ids = _living(client, pool)
        if ids:
            client.terminate_instances(InstanceIds=ids)


@contextmanager
def lab() -> Iterator[Ground]:
    found = laboratory()
    if found.mode != "namespaces":
        pytest.skip("a machine of the lab needs a network namespace")
    command = (sys.executable, "-m", "tests.lab.machines", str(found.state))
    pool = Pool(f"web{next(_NUMBERS)}", Provider.LAB, max=9, command=command)
    ground = Ground(
        pool,
        lambda installation, one: LabMachines(one, installation),
        living=lambda: len(LabMachines(pool, OURS).instances()),
        fault=lambda _: None,
    )
    yield ground
    ground.compute.terminate([one.id for one in ground.compute.instances()])


def _fault(action: str, kind: str, throttled: str, broken: str) -> Fault:
    return {
        "throttled": Fault(action, throttled, 400, times=2),
        "broken": Fault(action, broken, 503, times=2),
        "lost": Fault(action, lost=True),
        "refused": Fault(action, "QuotaExceed", 403),
    }[kind]


def _living(client: Any, pool: Pool) -> list[str]:
    asked = [
        {"Name": "tag:shipway-pool", "Values": [pool.name]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    rows = client.describe_instances(Filters=asked)["Reservations"]
    return [one["InstanceId"] for row in rows for one in row["Instances"]]


def text_of(ground: Ground) -> str:
    """The last order as one text, for what must stand in it."""
    return json.dumps(ground.sent(), sort_keys=True, default=str)
