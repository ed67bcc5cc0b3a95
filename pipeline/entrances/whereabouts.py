"""FLOW: an entrance with the address of each of its regions, also of those that shipway.yml leaves to a load balancer."""

from pipeline.entrances.addresses import addressed
from pipeline.entrances.entrance import Entrance, Region
from pipeline.errors import Unreachable
from pipeline.ports import Ports


def with_addresses(entrance: Entrance, ports: Ports) -> Entrance:
    return addressed(entrance, lambda region: _address(entrance, region, ports))


def _address(entrance: Entrance, region: Region, ports: Ports) -> str:
    """As its load balancer's cloud says. While that is silent, as may be when the whole region is gone, what users are told
    under our mark."""
    try:
        return ports.addresses.of(region.load_balancer)
    except Unreachable:
        records = ports.dns[entrance.name].plan(()).records
        told = next((record.value for record in records if record.region == region.name), "")
        if not told:
            raise
        return told
