"""A roll over the machines behind a load balancer, one after the other, in the order that lost nothing when it was
measured (research/5-cloud.md §4.2). Every wait is for evidence."""

import time

from pipeline.fleet.balancer import MemberState, Target
from tests.parts.balancers.ground import Ground


def roll(ground: Ground, quiet: float) -> None:
    """`quiet`: how long a host must be without a request before it counts as idle; longer than the data path is late."""
    for target in ground.targets:
        roll_one(ground, target, quiet)


def roll_one(ground: Ground, target: Target, quiet: float) -> None:
    backend = ground.backends[target]
    others = [one for one in ground.targets if one != target]
    assert any(ground.state(one) is MemberState.SERVING for one in others), (
        "it would take the last one that serves"
    )
    ground.balancer.park([target])
    ground.out(target)
    ground.until(f"idle on {target}", lambda: backend.idle(quiet))
    backend.replace()
    ground.until(f"ready on {target}", backend.ready)
    since = time.monotonic()
    ground.balancer.admit([target])
    ground.serving([target])
    ground.until(f"asked by users on {target}", lambda: backend.last > since)
