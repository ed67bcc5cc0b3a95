"""The grounds of AWS: a target group of ELBv2, and a classic load balancer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import boto3

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from pipeline.secret import Secret
from runners.aws_api import AwsApi
from runners.balancers.aws_elb import ElbWire
from runners.balancers.aws_elbv2 import Elbv2Wire
from runners.cloud_account import of_balancer
from tests.parts.balancers.aws_cloud import AwsCloud, honest
from tests.parts.balancers.aws_server import aws_server
from tests.parts.balancers.backend import Backend
from tests.parts.balancers.data_plane import Plane
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.balancers.ground import Ground, watching
from tests.parts.balancers.machines import Manners, machines, plane

PORT = 8080
REGION = "eu-central-1"
_NUMBERS = count(1)  # of names: moto's memory is the process's
CHANGES = ("RegisterTargets", "DeregisterTargets", "RegisterInstancesWithLoadBalancer",
           "DeregisterInstancesFromLoadBalancer")  # fmt: skip


@cache
def session() -> Any:
    """One for all: it keeps the descriptions of the services, which are large."""
    return boto3.session.Session()


@dataclass
class Region:
    """A fake AWS that runs, with three machines."""

    cloud: AwsCloud
    plane: Plane
    faults: Faults
    url: str
    manners: Manners
    backends: list[Backend]

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET"}
        return session().client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def entry(self, kind: BalancerKind, name: str) -> LoadBalancer:
        keys = {"access_key": "AKID", "secret_key": Secret("SECRET")}
        return LoadBalancer("entry", kind, name, region=REGION, port=PORT, endpoint=self.url, **keys)  # type: ignore[arg-type]

    def fault(self, kind: str) -> None:
        for action in CHANGES:
            self.faults.add(
                {
                    "throttled": Fault(action, "Throttling", 400, times=2),
                    "broken": Fault(action, "ServiceUnavailable", 503, times=2),
                    "busy": Fault(action, "PriorRequestNotComplete", 400, times=2),
                    "lost": Fault(action, lost=True),
                }[kind]
            )

    def ground(self, entry: LoadBalancer, backends: Mapping[Target, Backend], **rest: Any) -> Ground:
        made = Ground(
            entry.kind.value,
            entry,
            backends=dict(backends),
            clients=self.plane.pool(entry.id, self.manners).port,
            fault=self.fault,
            odd=lambda target: self.cloud.odd.add(target.id),
            **rest,
        ).opened()
        self.manners.begin()
        return made


@contextmanager
def region(late: float) -> Iterator[Region]:
    """ALB: one good check is enough for a new target, and with nobody healthy everybody gets requests."""
    with plane(late, first_rise=1, fail_open=True) as (data, manners), machines() as backends:
        cloud, faults = AwsCloud(data, manners), Faults()
        with honest(cloud), aws_server(faults) as (url, _):
            yield Region(cloud, data, faults, url, manners, backends)


@contextmanager
def elbv2(late: float = 0.0) -> Iterator[Ground]:
    with region(late) as here:
        arn = target_group(here)
        backends = {Target(f"10.0.0.{number}", PORT): one for number, one in enumerate(here.backends, 1)}
        for target, backend in backends.items():
            here.cloud.addresses[target.id, target.port] = backend.address
        yield here.ground(
            here.entry(BalancerKind.AWS_ELBV2, arn),
            backends,
            build=watching(
                lambda entry: Elbv2Wire(entry, AwsApi(of_balancer(entry), "elbv2", session=session()))
            ),
            more=lambda number: [Target(f"10.0.1.{index}", PORT) for index in range(number)],
        )


def target_group(here: Region) -> str:
    """Behind a listener, with our tag, and a drain of 10 s (half a second at this cloud's speed)."""
    number, client, ec2 = next(_NUMBERS), here.client("elbv2"), here.client("ec2")
    network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [row["SubnetId"] for row in ec2.describe_subnets()["Subnets"]][:2]
    balancer = client.create_load_balancer(Name=f"lb-{number}", Subnets=subnets, Scheme="internet-facing")[
        "LoadBalancers"
    ][0]
    group = client.create_target_group(
        Name=f"tg-{number}", Protocol="HTTP", Port=80, VpcId=network, TargetType="ip", HealthCheckPath="/healthz",
        HealthCheckIntervalSeconds=10, HealthCheckTimeoutSeconds=5, HealthyThresholdCount=3,
    )["TargetGroups"][0]  # fmt: skip
    arn: str = group["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}
    client.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    client.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )  # fmt: skip
    client.add_tags(ResourceArns=[arn], Tags=[{"Key": "shipway", "Value": "entry"}])
    return arn


@contextmanager
def elb(late: float = 0.0) -> Iterator[Ground]:
    with region(late) as here:
        name = classic(here)
        backends = {Target(f"i-{number}", PORT): one for number, one in enumerate(here.backends)}
        spare = [Target(f"i-more{index}", PORT) for index in range(60)]
        here.cloud.machines |= {target.id for target in (*backends, *spare)}
        for target, backend in backends.items():
            here.cloud.addresses[target.id, 0] = backend.address
        yield here.ground(
            here.entry(BalancerKind.AWS_ELB, name),
            backends,
            build=watching(
                lambda entry: ElbWire(entry, AwsApi(of_balancer(entry), "elb", session=session()))
            ),
            more=lambda number: spare[:number],
        )


def classic(here: Region) -> str:
    """With our tag, and a drain of 10 s."""
    name, client = f"classic-{next(_NUMBERS)}", here.client("elb")
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": PORT}
    client.create_load_balancer(
        LoadBalancerName=name, Listeners=[listener], AvailabilityZones=[f"{REGION}a"],
        Tags=[{"Key": "shipway", "Value": "entry"}],
    )  # fmt: skip
    check = {
        "Target": "HTTP:8080/healthz",
        "Interval": 10,
        "Timeout": 5,
        "UnhealthyThreshold": 2,
        "HealthyThreshold": 3,
    }
    client.configure_health_check(LoadBalancerName=name, HealthCheck=check)
    attributes = {"ConnectionDraining": {"Enabled": True, "Timeout": 10}}
    client.modify_load_balancer_attributes(LoadBalancerName=name, LoadBalancerAttributes=attributes)
    return name
