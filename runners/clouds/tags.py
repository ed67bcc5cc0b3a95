"""The tags of our machines, and the refusal to touch any other."""

from collections.abc import Mapping

from pipeline.errors import Rejected
from pipeline.pools.order import INSTALLATION, POOL, WISH, Order
from pipeline.pools.pool import Pool


def tags_of(order: Order, installation: str) -> dict[str, str]:
    return {INSTALLATION: installation, POOL: order.pool, WISH: order.wish, "Name": order.name}


def refuse_others(found: Mapping[str, Mapping[str, str]], pool: Pool, installation: str) -> None:
    """`found`: instance -> its tags."""
    others = sorted(
        instance
        for instance, tags in found.items()
        if (tags.get(INSTALLATION), tags.get(POOL)) != (installation, pool.name)
    )
    if others:
        raise Rejected(
            f"Pool {pool.name}: {', '.join(others)} does not carry the tags of this Shipway and pool, so it is somebody "
            "else's machine, and none of those named was deleted. Delete it in the cloud's own console if it is yours."
        )
