"""The grounds of the stand-ins: their time passes when somebody waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.fleet.balancer import BalancerKind, LoadBalancer, Target
from pipeline.ports import Balancer
from runners.membership import Membership
from runners.patience import Patience
from runners.stand_ins.balancer import USUAL, MemoryEntrance, MemoryWire
from runners.stand_ins.entrance import PORT as WORLD_PORT
from runners.stand_ins.entrance import Entrance, WorldBalancer
from runners.stand_ins.time import VirtualClock
from tests.parts.balancers.ground import Ground
from tests.parts.balancers.watched import Watched

PORT = 8080


@contextmanager
def memory(late: float = 0.0, weights: bool = True) -> Iterator[Ground]:
    entrance = MemoryEntrance(VirtualClock(), replace(USUAL, weights=weights))
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


@contextmanager
def world(late: float = 0.0) -> Iterator[Ground]:
    """The one that the rollout's stories are told over. It has no marks and no faults but silence."""
    clock = VirtualClock()
    hosts = [f"web-{number}" for number in range(3)]
    entrance = Entrance.over(hosts, clock)

    yield Ground(
        "world",
        LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-1", port=WORLD_PORT),
        lambda entry, patience: (WorldBalancer(WellWorld(), entrance), []),
        dict.fromkeys(Target(host, WORLD_PORT) for host in hosts),
        lambda number: [Target(f"spare-{index}", WORLD_PORT) for index in range(number)],
        pause=clock.sleep,
    )


class WellWorld:
    """Every proxy has something to send to."""

    def serves_well(self, host: str) -> bool:
        return True

    def effect(self, name: str, host: str, work: Callable[[], None], remote: bool = False) -> None:
        work()
