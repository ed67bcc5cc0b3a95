"""The ground of the stand-in: its time passes when somebody waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from pipeline.ports import Balancer
from runners.membership import Membership
from runners.patience import Patience
from runners.stand_ins.balancer import USUAL, Entrance, MemoryWire
from runners.stand_ins.time import VirtualClock
from tests.parts.balancers.ground import Ground
from tests.parts.balancers.watched import Watched

PORT = 8080


@contextmanager
def memory(late: float = 0.0, weights: bool = True) -> Iterator[Ground]:
    entrance = Entrance(VirtualClock(), replace(USUAL, weights=weights))
    clock = entrance.clock
    targets = [Target(f"i-{number}", PORT) for number in range(3)]
    entrance.hold(*targets)

    def build(entry: LoadBalancer, patience: Patience) -> tuple[Balancer, list[Watched]]:
        watched = Watched(MemoryWire(entrance, entry))
        virtual = replace(patience, sleep=clock.sleep, clock=lambda: clock.now().timestamp())
        return Membership(entry, watched, virtual), [watched]

    def fault(kind: str) -> None:
        if kind == "lost":
            entrance.lose_answers = 1
        else:
            entrance.throttled += 2

    yield Ground(
        "memory",
        LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-1", port=PORT),
        build,
        dict.fromkeys(targets),
        lambda number: [Target(f"i-more{index}", PORT) for index in range(number)],
        fault=fault,
        odd=entrance.odd.add,
        pause=clock.sleep,
    )


@contextmanager
def memory_without_weights(late: float = 0.0) -> Iterator[Ground]:
    with memory(late, weights=False) as made:
        yield made
