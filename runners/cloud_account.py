"""Who calls a cloud's API, where, and how sentences about it begin. The SDKs are `aws_api` and `aliyun_api`."""

from dataclasses import dataclass, field

from pipeline.fleet.balancer import LoadBalancer
from pipeline.pools.pool import Pool
from pipeline.secret import Secret


@dataclass(frozen=True)
class CloudAccount:
    """`rights`: the page that lists what the key must be allowed to do. No key: the SDK looks in its own places."""

    name: str
    rights: str
    region: str = ""
    endpoint: str = ""  # overrides the address of the cloud's API
    access_key: str = ""
    secret_key: Secret = field(default_factory=lambda: Secret(""))


def of_balancer(entry: LoadBalancer) -> CloudAccount:
    return CloudAccount(
        name=f"Load balancer {entry.name} ({entry.id})",
        rights="docs/load-balancers.md",
        region=entry.region,
        endpoint=entry.endpoint,
        access_key=entry.access_key,
        secret_key=entry.secret_key,
    )


def of_pool(pool: Pool) -> CloudAccount:
    return CloudAccount(
        name=f"Pool {pool.name}",
        rights="docs/hosts-pools.md",
        region=pool.region,
        endpoint=pool.endpoint,
        access_key=pool.access_key,
        secret_key=pool.secret_key,
    )
