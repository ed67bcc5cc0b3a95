"""What stands in shipway.yml of a stage: its hosts, and the one service with the one environment."""

from collections.abc import Sequence

from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.service import Environment, Repository, Service
from pipeline.settings import Settings

SHOP, PRODUCTION = "shop", "production"


def machines_of(names: Sequence[str], regions: Sequence[str]) -> dict[str, Host]:
    """Those without a region of their own come last."""
    at = dict(zip(names, regions, strict=False))
    return {name: Host(name, f"tcp://{name}:2375", name, region=at.get(name, "")) for name in names}


def settings_of(environment: Environment, machines: dict[str, Host]) -> Settings:
    front, entrance = environment.proxy, environment.load_balancer
    service = Service(SHOP, Repository("file:///shop.git"), environments={PRODUCTION: environment})
    return Settings(
        registry=RegistryAccess("r"),
        hosts=machines,
        proxies={"front": front} if front else {},
        load_balancers={entrance: LoadBalancer(entrance, BalancerKind.ALIYUN_SLB)} if entrance else {},
        services={SHOP: service},
    )
