"""A service under a load that its replicas share."""

from dataclasses import replace

from pipeline.ports import Ports
from pipeline.scaling.group import Scaled
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.scaling.scale import scale_environments
from runners.stand_ins.scaling import MemoryScaling, SteadyLoads
from tests.rollout.stage import PRODUCTION, SHOP, Stage

GROUP = f"{SHOP}/{PRODUCTION}"
CPU = Target(Measure.CPU, 60.0)
POLICY = Scaling(1, 6, (CPU,), warm_up=30.0, cooldown=120.0)


class Town:
    """Two hosts, a live release, and a load that its replicas share."""

    def __init__(self, policy: Scaling = POLICY, replicas: int = 1, **spec: object) -> None:
        self.stage = Stage(hosts=2, replicas=replicas)
        self.live = self.stage.live(**({"cpus": 0.5} | spec))
        self.cores = 0.0  # used by all replicas together
        self.book = MemoryScaling()
        self.loads = SteadyLoads(
            self.stage.clock, lambda: self.cores / max(1, len(self.stage.world.containers))
        )
        shop = self.stage.settings.services[SHOP]
        place = replace(self.stage.environment, scaling=policy)
        services = {SHOP: replace(shop, environments={PRODUCTION: place})}
        self.settings = replace(self.stage.settings, services=services)

    @property
    def ports(self) -> Ports:
        return replace(self.stage.ports, settings=self.settings, scaling=self.book, loads=self.loads)

    def look(self) -> Scaled:
        self.stage.clock.sleep(15.0)
        return scale_environments(self.ports)

    def looks(self, count: int, obey: bool = True) -> list[int]:
        """The deployments that were drafted, each brought to its end before the next look."""
        numbers: list[int] = []
        for _ in range(count):
            for number in self.look().deployments:
                numbers.append(number)
                if obey:
                    assert self.stage.run(number).over
        return numbers

    @property
    def replicas(self) -> int:
        return len(self.stage.running("web-1"))
