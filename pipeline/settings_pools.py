"""Every key under `pools` of `shipway.yml`, like `settings_keys`, and what must fit together in it."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from pipeline import settings_values as values
from pipeline.faults import Faults, Path, did_you_mean
from pipeline.pools.pool import NAME, Pool, Provider
from pipeline.secret import Secret
from pipeline.settings_access import NO_SECRET, UNPAIRED, AccessKey, SecretKey, is_unpaired
from pipeline.settings_endpoint import UNSAFE, is_safe
from pipeline.settings_rollout import Keys
from pipeline.settings_scaling import PoolScalingKeys, check_pool_scaling
from pipeline.units import Name, PositiveDuration, Text, Word

SHORTEST_FUSE = 3600.0  # Aliyun takes none that is less than 30 minutes ahead
NEEDED = {
    Provider.ALIYUN: ("region", "type", "image", "subnet", "security_group"),
    Provider.AWS: ("region", "type", "image", "subnet", "security_group"),
    Provider.LAB: ("command",),
}
CLOUDS_ONLY = (
    *("region", "zone", "type", "image", "subnet", "security_group", "spot", "role", "disk"),
    *("endpoint", "access_key", "secret_key"),
)


class PoolKeys(Keys):
    provider: Provider = Field(
        description="Who makes the machines: aliyun (ECS) | aws (EC2) | lab (a command of yours)."
    )
    min: int = Field(default=0, ge=0, le=1000, description="Fewer machines than these are never left.")
    max: int = Field(ge=0, le=1000, description="More than these are never made, whoever wants them.")
    region: Word = Field(
        default="", description="The cloud's name of the region, also the region of its hosts."
    )
    zone: Word = Field(default="", description="The cloud's name of the zone. Empty: that of the subnet.")
    type: Word = Field(default="", description="The cloud's name of the size, such as ecs.c7.large.")
    image: Word = Field(default="", description="The cloud's id of the image; rather one that has an engine.")
    subnet: Word = Field(default="", description="aliyun: a vSwitch; aws: a subnet.")
    security_group: Word = Field(default="", description="The cloud's id of it. It needs no open port.")
    spot: bool = Field(default=False, description="Cheaper machines that the cloud may take back.")
    role: Word = Field(
        default="",
        description="aliyun: a RAM role; aws: an instance profile. Empty: the machine may nothing.",
    )
    disk: int = Field(default=0, ge=0, le=2048, description="GiB of the system disk. 0: as the image says.")
    labels: dict[values.Label, Text] = Field(
        default={}, description="Of its hosts, for `hosts: {role: web}` in environments."
    )
    load_balancer: Name | None = Field(
        default=None, description="One of `load_balancers`, of which no machine stays a member when it goes."
    )
    fuse: PositiveDuration = Field(
        default=6 * 3600.0,
        description="aliyun: a machine that Shipway does not extend for so long is deleted by the cloud.",
    )
    join_within: PositiveDuration = Field(
        default=900.0,
        description="A machine that has not joined by then is deleted; another try comes later.",
    )
    drain_within: PositiveDuration = Field(
        default=1800.0,
        description="How long a machine that goes may take to become empty before people are told.",
    )
    endpoint: Word = Field(default="", description="Overrides the address of the cloud's API.")
    access_key: AccessKey = ""
    secret_key: SecretKey = NO_SECRET
    scaling: PoolScalingKeys | None = Field(
        default=None, description="More and fewer machines by load; docs/scaling.md."
    )
    command: list[Word] = Field(
        default=[], description="lab: a program and its words; `launch`, `list` or `terminate` is added."
    )

    def pool(self, name: str, zone: str) -> Pool:
        scaling = self.scaling.scaling(self.min, self.max, zone) if self.scaling else None
        given = dict(self) | {"secret_key": Secret(self.secret_key.get_secret_value()), "scaling": scaling}
        given |= {"load_balancer": self.load_balancer or "", "command": tuple(self.command)}
        return Pool(name=name, **given)


def check_pools(pools: Mapping[str, PoolKeys], balancers: list[str], zone: str, faults: Faults) -> None:
    """`balancers`: the names of all that were written."""
    for name, pool in pools.items():
        path: Path = ("pools", name)
        if len(name) > NAME:
            faults.add(path, f"is too long a name; at most {NAME} letters, since its machines' are longer")
        for key, fault in (*_numbers(pool), *_of_provider(pool), *_access(pool)):
            faults.add((*path, key), fault)
        check_pool_scaling(pool.scaling, pool.min, pool.max, zone, (*path, "scaling"), faults)
        if pool.load_balancer and pool.load_balancer not in balancers:
            meant = did_you_mean(pool.load_balancer, balancers)
            faults.add((*path, "load_balancer"), f"there is no load balancer '{pool.load_balancer}'{meant}")


def joining(pools: Mapping[str, PoolKeys], hosts: object) -> int:
    """So many hosts with these labels may come out of pools."""
    if not isinstance(hosts, dict):
        return 0
    return sum(pool.max for pool in pools.values() if hosts.items() <= pool.labels.items())


def _numbers(pool: PoolKeys) -> Iterator[tuple[str, str]]:
    if pool.min > pool.max:
        yield "min", f"is {pool.min}, more than max ({pool.max})"
    if pool.fuse < SHORTEST_FUSE:
        yield "fuse", "is too short; at least 1h, since it is put off again and again"
    if pool.join_within >= pool.fuse:
        yield "join_within", "must be shorter than fuse"


def _of_provider(pool: PoolKeys) -> Iterator[tuple[str, str]]:
    for key in NEEDED[pool.provider]:
        if not getattr(pool, key):
            yield key, f"is missing; {pool.provider} needs it"
    if pool.provider is Provider.LAB:
        for key in CLOUDS_ONLY:
            if key in pool.model_fields_set and key != "region":
                yield key, "is not for provider lab; its command knows"
    elif pool.command:
        yield "command", "is only for provider lab"


def _access(pool: PoolKeys) -> Iterator[tuple[str, str]]:
    if is_unpaired(pool):
        yield "access_key", UNPAIRED
    if pool.endpoint and not is_safe(pool.endpoint):
        yield "endpoint", UNSAFE
