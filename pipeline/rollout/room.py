"""What a pull would bring to each host, asked before anything is pulled. Changes nothing.

A registry that does not answer is no failure here: the pull itself says so, with its reason.
"""

from collections.abc import Callable, Mapping

from pipeline.errors import ShipwayError
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, Status
from pipeline.rollout.observed import HostSeen, Load
from pipeline.rollout.places import host_of


def loads(deployment: Deployment, hosts: Mapping[str, HostSeen], ports: Ports) -> dict[str, Load]:
    """By host; only while it prepares, and only where the image is not there yet."""
    image, floor = deployment.release.image, ports.settings.retention.disk_floor
    waiting = [
        seen
        for seen in hosts.values()
        if seen.reachable and seen.free_bytes is not None and image not in seen.images
    ]
    if deployment.status is not Status.PREPARING or not waiting:
        return {}
    jobs = [_weight_job(seen.host, image, ((seen.free_bytes or 0) - floor) // 2, ports) for seen in waiting]
    weights = ports.hands.each(jobs)
    return {
        seen.host: Load(None if isinstance(weight, Exception) else weight, floor)
        for seen, weight in zip(waiting, weights, strict=True)
    }


def _weight_job(name: str, image: str, spare: int, ports: Ports) -> Callable[[], int | None]:
    def work() -> int | None:
        try:
            return ports.engines.weight(host_of(name, ports), image, ports.settings.registry, spare)
        except ShipwayError:
            return None

    return work
