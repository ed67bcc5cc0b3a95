"""The hosts' engines, the proxies and the probe over a `World`, for dry runs and tests.

They keep the contracts of `pipeline.ports`; `world` says what they promise beyond them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.metric import Criterion, Reading
from pipeline.fleet.proxy import BackendSeen, BackendState, Proxy, Site, SiteSeen, SiteWanted
from pipeline.rollout.observed import HostSeen, ReplicaSeen, Sample
from pipeline.rollout.release import HealthCheck, ReplicaPlan
from runners.stand_ins.things import Container, Quality
from runners.stand_ins.world import World


@dataclass
class WorldEngines:
    """Implements `pipeline.ports.Engines`."""

    world: World
    installation: str = ""

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        world = self.world
        world.pass_time()
        if not world.up[host.name]:
            return HostSeen(host.name, reachable=False, error="no answer within 5 s.")
        named = [c for c in world.at(host.name) if _named(c, service, environment)]
        mine = [c for c in named if c.installation in ("", self.installation)]
        return HostSeen(
            host.name,
            reachable=True,
            boot=str(world.boots[host.name]),
            images=frozenset(world.images[host.name]),
            replicas=tuple(_seen(c) for c in mine),
            free_bytes=world.free[host.name],
            memory=world.memory.get(host.name),
            clock_skew=world.skew[host.name],
            stranger=min((c.installation for c in named if c not in mine), default=""),
        )

    def pull(self, host: Host, image: str, access: RegistryAccess) -> None:
        self.world.effect("pull", host.name, lambda: self.world.pull(host.name, image))

    def weight(self, host: Host, image: str, access: RegistryAccess, spare: int = 0) -> int | None:
        if not self.world.registry_up:
            raise Unreachable("registry: no answer within 10 s")
        whole = self.world.weights.get(image)
        if whole is not None and whole <= spare:
            return whole
        return 0 if image in self.world.images[host.name] else whole

    def start(self, host: Host, plan: ReplicaPlan) -> None:
        def work() -> None:
            for there in self.world.at(host.name):
                if there.is_of(plan):
                    _leave_alone(there.id, there.installation, self.installation)
            self.world.start(host.name, plan, self.installation)

        self.world.effect(f"start {plan.release}.{plan.index}", host.name, work)

    def keep(self, host: Host, container: str) -> None:
        def work() -> None:
            if container in self.world.containers:
                _leave_alone(container, self.world.containers[container].installation, self.installation)
                self.world.keep(container)

        self.world.effect(f"keep {container}", host.name, work)

    def retire(self, host: Host, container: str, stop_timeout: float) -> None:
        found = self.world.containers.get(container)
        name = f"retire {found.plan.release}.{found.plan.index}" if found else f"retire {container}"

        def work() -> None:
            if found:
                _leave_alone(container, found.installation, self.installation)
            self.world.retire(host.name, container)

        self.world.effect(name, host.name, work)

    def logs(self, host: Host, container: str, lines: int = 50) -> str:
        if not self.world.up[host.name]:
            raise Unreachable(f"engine on {host.name}: no answer within 5 s")
        return f"last words of {container}" if container in self.world.containers else ""

    def once(self, host: Host, plan: ReplicaPlan, command: Sequence[str], timeout: float) -> tuple[int, str]:
        self.world.effect(f"run {plan.hook}", host.name, lambda: self.world.hooks_run.append(plan))
        return self.world.hook_ends

    def prune(self, host: Host, service: str, keep: Sequence[str]) -> None:
        self.world.effect("prune", host.name, lambda: self.world.prune(host.name, keep))


@dataclass
class WorldProxies:
    """Implements `pipeline.ports.Proxies`."""

    world: World
    installation: str = ""

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        site = Site(proxy.name, host.name)
        front = self.world.front(site)
        if not self.world.up[host.name]:
            return SiteSeen(site, running=False, error="no answer within 5 s")
        if front.installation not in ("", self.installation):
            return SiteSeen(site, running=False, error=f"made by another Shipway ({front.installation})")
        if not front.running:
            return SiteSeen(site, running=False)
        named = proxy.names_drains
        listed = {b.address: b for b in front.backends if named or b.state is BackendState.READY}
        self.world.pass_time()
        backends = [
            BackendSeen(
                a,
                b.state,
                self.world.sessions(site, a) if named else None,
                *front.figures(a),
                a in front.held,
            )
            for a, b in listed.items()
        ]
        busy = [a for a in front.leaving if a not in listed and self.world.sessions(site, a)]
        return SiteSeen(site, True, front.generation, tuple(backends), old_workers=len(busy))

    def serve(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        def work() -> None:
            _leave_alone(str(wanted.site), self.world.front(wanted.site).installation, self.installation)
            self.world.serve(wanted, self.installation)

        self.world.effect("switch", host.name, work)

    def check(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        def work() -> None:
            _leave_alone(str(wanted.site), self.world.front(wanted.site).installation, self.installation)
            self.world.check(wanted.site)

        self.world.effect("check", host.name, work)


@dataclass
class WorldProbe:
    """Implements `pipeline.ports.Probe`."""

    world: World

    def sample(
        self, host: Host, site: tuple[Proxy, Host] | None, container: str, address: str, check: HealthCheck
    ) -> Sample:
        self.world.pass_time()
        now = self.world.clock.now()
        if not self.world.up[host.name]:
            return Sample(container, now, ok=False, note="no answer", asked=False)
        found = self.world.containers.get(container)
        well = found is not None and self.world.well(found)
        return Sample(container, now, well, f"GET {check.path} answered {200 if well else 503}")

    def smoke(
        self, host: Host, site: tuple[Proxy, Host] | None, container: str, address: str, check: HealthCheck
    ) -> Sample:
        answer = self.sample(host, site, container, address, check)
        found = self.world.containers.get(container)
        if found is None or self.world.quality(found.plan.release) is not Quality.BAD_SMOKE:
            return answer
        return Sample(container, answer.at, ok=False, note="GET / answered 500")


@dataclass
class WorldMetrics:
    """Implements `pipeline.ports.Metrics`."""

    world: World

    def read(self, criterion: Criterion, query: str) -> Reading:
        now = self.world.clock.now()
        if self.world.metric_error:
            return Reading(query, criterion.most, now, error=self.world.metric_error)
        return Reading(query, criterion.most, now, self.world.metric)


def _leave_alone(what: str, maker: str, installation: str) -> None:
    """What carries no mark is anybody's."""
    if maker not in ("", installation):
        raise Rejected(f"{what} was made by another Shipway (installation {maker}); left alone.")


def _named(container: Container, service: str, environment: str) -> bool:
    return (container.plan.service, container.plan.environment) == (service, environment)


def _seen(container: Container) -> ReplicaSeen:
    return ReplicaSeen(
        container=container.id,
        name=container.id,
        release=container.plan.release,
        index=container.plan.index,
        state=container.state,
        started_at=container.started_at,
        address=container.address,
        restart_always=container.restart_always,
        exit_code=container.exit_code,
        image=container.plan.image,
    )
