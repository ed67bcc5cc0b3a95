"""Pools that scale by themselves: how many machines are wanted, and what is measured of them."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from pipeline.fleet.host import Host
from pipeline.pools.pool import Machine, Pool, Provider, State, Wanted
from pipeline.scaling.group import Sample, Verdict
from pipeline.scaling.machines import scale_pools
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.settings import Settings
from runners.load import share_of
from runners.stand_ins.scaling import MemoryScaling, SteadyLoads
from runners.stand_ins.time import InlineHands, VirtualClock
from tests.scaling.ground import NOON

POLICY = Scaling(1, 6, (Target(Measure.CPU, 60.0),))


@dataclass
class Cloud:
    """Obeys what is wanted when it is told to, and keeps the book of pools."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    rows: list[Machine] = field(default_factory=list)
    wish: Wanted | None = None
    total: float = 0.0  # cores of load on one-core machines, all together
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.book, self.policy = MemoryScaling(), POLICY
        self.add(2, State.READY)

    def add(self, count: int, state: State) -> None:
        now, old = self.clock.now(), self.clock.now() - timedelta(hours=1)
        first = len(self.rows)
        self.rows += [
            Machine("web", f"wish{first + at:04}", old, now, state, first + at, ready_at=old)
            for at in range(count)
        ]

    def machines(self, pool: str = "") -> list[Machine]:
        return self.rows

    def wanted(self, pool: str) -> Wanted | None:
        return self.wish

    def want(self, pool: str, machines: int, why: str, by: str, forced: bool = False) -> Wanted:
        self.wish = Wanted(pool, machines, why, by, self.clock.now(), forced)
        return self.wish

    def machine(self, host: Host) -> Any:
        return None if host.name in self.silent else self.loads.machine(host)

    def looks(self, count: int) -> None:
        pool = Pool("web", Provider.LAB, 1, 6, scaling=self.policy)
        hosts = {m.name: Host(m.name, "tcp://10.0.0.1:2376", "10.0.0.1") for m in self.rows}
        ports: Any = SimpleNamespace(
            settings=Settings(hosts=hosts, pools={"web": pool}),
            pools=self,
            scaling=self.book,
            loads=self,
            hands=InlineHands(),
            clock=self.clock,
        )
        for _ in range(count):
            self.clock.sleep(15.0)
            scale_pools(ports)

    @property
    def loads(self) -> SteadyLoads:
        if not hasattr(self, "_loads"):
            ready = lambda: sum(m.state is State.READY for m in self.rows)  # noqa: E731
            self._loads = SteadyLoads(self.clock, lambda: self.total / max(1, ready()))
        return self._loads


def cloud_of_two(total: float) -> Cloud:
    cloud = Cloud(total=total)
    cloud.want("web", 2, "", "ada")
    return cloud


def test_pool_grows_under_load_and_says_why():
    cloud = cloud_of_two(1.9)

    cloud.looks(4)

    assert cloud.wish is not None
    assert (cloud.wish.machines, cloud.wish.by) == (4, "scaling")
    assert cloud.wish.why == "cpu is 95 %, more than 60 % for 3 looks in a row"
    (line,) = cloud.book.decisions("pool:web")
    assert (line.verdict, line.before, line.after) == ("out", 2, 4)


def test_machines_on_their_way_are_counted_on():
    cloud = cloud_of_two(1.9)
    cloud.looks(4)
    cloud.add(2, State.JOINING)

    cloud.looks(40)

    assert cloud.wish is not None
    assert cloud.wish.machines == 4
    assert cloud.book.memories()["pool:web"].verdict is Verdict.WARMING


def test_pool_shrinks_when_the_load_is_gone():
    cloud = cloud_of_two(0.1)

    cloud.looks(40)

    assert cloud.wish is not None
    assert cloud.wish.machines == 1


def test_a_machine_that_does_not_answer_is_not_warm_and_half_of_them_halt_it():
    cloud = cloud_of_two(1.9)
    cloud.add(2, State.READY)
    cloud.want("web", 4, "", "ada")
    cloud.silent = {m.name for m in cloud.rows[:2]}

    cloud.looks(5)

    assert cloud.book.memories()["pool:web"].verdict is Verdict.HALTED
    assert cloud.wish is not None
    assert cloud.wish.by == "ada"


def test_one_that_leaves_is_no_member_any_more():
    cloud = cloud_of_two(0.5)
    cloud.add(3, State.LEAVING)

    cloud.looks(5)

    assert cloud.book.memories()["pool:web"].verdict is not Verdict.HALTED


def test_a_machines_share_is_of_all_its_cores_and_memory():
    sample = share_of([Sample(NOON, 8.0, 300 << 20), Sample(NOON, 4.0, 212 << 20)], 4, 1 << 30)

    assert (sample.cpu, sample.memory) == (3.0, 50)
