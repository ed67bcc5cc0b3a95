"""Where users reach a region: what shipway.yml says, else what its load balancer's cloud says. The port, and a rule over it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from pipeline.entrances.entrance import Entrance, Kind, Provider, Region
from pipeline.errors import BadConfig, Rejected


class Addresses(Protocol):
    """Of load balancers, as the world sees them."""

    def of(self, load_balancer: str) -> str:
        """A public IP address or a host name; it never changes, so it is asked once. `Rejected` when it has none, or when
        this kind cannot tell."""


class NoAddresses:
    """Of tests in which shipway.yml says them all."""

    def of(self, load_balancer: str) -> str:
        raise Rejected(f"Nobody knows the address of load balancer {load_balancer} here.")


def addressed(entrance: Entrance, address_of: Callable[[Region], str]) -> Entrance:
    """With the address of every region. Raises `BadConfig` when they turn out not to go together."""
    if all(region.address for region in entrance.regions.values()):
        return entrance
    regions = {
        name: region if region.address else replace(region, address=address_of(region))
        for name, region in entrance.regions.items()
    }
    kinds = {region.kind for region in regions.values()}
    told = ", ".join(f"{name} {region.address}" for name, region in regions.items())
    if len(kinds) > 1:
        raise BadConfig(
            f"Entrance {entrance.name}: shares hold within one kind of address, and its regions have several ({told}). "
            f"Write `address` under entrances.{entrance.name}.regions where a load balancer's own does not do."
        )
    if Kind.CNAME in kinds and entrance.provider is Provider.ALIDNS:
        raise BadConfig(
            f"Entrance {entrance.name}: alidns weighs only IP addresses ({told}). Write each region's `address` as one, or "
            "take another provider."
        )
    return replace(entrance, regions=regions)
