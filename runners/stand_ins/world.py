"""A fleet in memory: hosts, images, containers with good and bad releases, proxies that serve, time that passes.

What DESIGN promises is watched in here, not in what is tested: an effect that breaks a promise raises `Violation`.

| promise                                                          | watched in      |
|------------------------------------------------------------------|-----------------|
| no traffic to a replica that was never well                      | `serve`         |
| an action never takes hosts out of rotation below the minimum    | `effect`        |
| a replica that is routed or has open requests is never stopped   | `retire`        |
| a replica that was never well is not kept alive                  | `keep`          |
| live, previous and target images are never pruned                | `prune`         |
| one running replica for each host, release and index             | `start`         |
| behind a load balancer, users never meet an empty proxy          | `serve`         |
| never two replicas of a singleton                                | `start`         |
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from pipeline.errors import ConfigRefused, Outdated, PortTaken, Rejected, Unreachable
from pipeline.fleet.proxy import BackendState, Site, SiteWanted
from pipeline.rollout.observed import ReplicaState
from pipeline.rollout.release import ReplicaPlan
from runners.stand_ins.entrance import Entrance
from runners.stand_ins.front import Front
from runners.stand_ins.things import HARMLESS, HELD_AT_THE_GATE, Container, Physics, Quality, Violation
from runners.stand_ins.time import VirtualClock


class World:
    """Nothing in it is hidden: tests set what they need and read what they want to know."""

    def __init__(self, hosts: Iterable[str], clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.physics = Physics()
        self.hosts = tuple(hosts)
        self.up = dict.fromkeys(self.hosts, True)
        self.boots = dict.fromkeys(self.hosts, 1)
        self.images: dict[str, set[str]] = {host: set() for host in self.hosts}
        self.free = dict.fromkeys(self.hosts, 1 << 40)
        self.memory: dict[str, int] = {}  # bytes; a host that is not in it does not say
        self.weights: dict[str, int] = {}  # compressed bytes of images
        self.frees = 0  # bytes that a prune makes free, once
        self.skew = dict.fromkeys(self.hosts, 0.0)
        self.entrance: Entrance | None = None  # the load balancer before the proxies
        self.singleton = False  # never two of it at a time
        self.taken: set[str] = set()  # hosts that have no free port
        self.qualities: dict[int, Quality] = {}
        self.containers: dict[str, Container] = {}
        self.fronts: dict[Site, Front] = {}
        self.registry_up = True
        self.metric: float | None = 0.0  # what Prometheus says; None: it has no data
        self.metric_error = ""
        self.missing: set[str] = set()  # images that the registry does not have
        self.hook_ends = (0, "")  # exit code and output of every hook
        self.hooks_run: list[ReplicaPlan] = []
        self.min_healthy = 0
        self.drain_timeout = 30.0
        self.protected: Callable[[], set[str]] = set
        self.hook: Callable[[str], None] = lambda _: None
        self.lose_answers = 0  # the next effects are done, but their answers never arrive
        self.deeds: list[str] = []
        self.hurt: set[str] = set()  # hosts on which users ever reached a bad release
        self._count = 0
        self._passed: datetime | None = None

    # -------------------------------------------------------------------------------------------- time and lives

    def quality(self, release: int) -> Quality:
        return self.qualities.get(release, Quality.GOOD)

    def pass_time(self) -> None:
        """Lives end when their time is up; a kept one begins another. Nothing happens twice in one instant."""
        if self._passed == self.clock.now():
            return
        self._passed = self.clock.now()
        for container in self.containers.values():
            while container.state is ReplicaState.RUNNING and self._over(container):
                self.end(container, exit_code=1)
        for site, front in self.fronts.items():
            front.held -= {c.address for c in self.containers.values() if self.well(c)}
            reached = self.up[site.host] and (not self.entrance or self.entrance.sends(site.host))
            front.users_come(self.clock.now(), reached, self._answer)

    def _answer(self, address: str) -> tuple[bool, float]:
        """What a user of this address meets: a good answer? and after how many seconds."""
        container = next((c for c in self.containers.values() if c.address == address), None)
        if container is None or not self.up[container.host] or container.state is not ReplicaState.RUNNING:
            return False, 0.0
        quality = self.quality(container.plan.release)
        slow = quality is Quality.SLOW_ANSWERS
        return quality is not Quality.BAD_ANSWERS, self.physics.slow_answer if slow else self.physics.answer

    def end(self, container: Container, exit_code: int) -> None:
        container.ended = self.clock.now()
        if container.restart_always:
            container.born, container.life = container.ended, container.life + 1
        else:
            container.state, container.exit_code = ReplicaState.EXITED, exit_code

    def _age(self, container: Container) -> float:
        return (self.clock.now() - container.born).total_seconds()

    def _over(self, container: Container) -> bool:
        spans = {
            Quality.BAD_START: 0.2,
            Quality.BAD_BAKE: self.physics.crash_after,
            Quality.BAD_LATE: self.physics.late_after,
            Quality.FLAP: self.physics.flap_after,
        }
        span = spans.get(self.quality(container.plan.release))
        return span is not None and self._age(container) >= span

    def well(self, container: Container) -> bool:
        quality = self.quality(container.plan.release)
        if container.state is not ReplicaState.RUNNING or quality in (Quality.BAD_START, Quality.BAD_HEALTH):
            return False
        needed = self.physics.slow_after if quality is Quality.SLOW else self.physics.well_after
        return self._age(container) >= needed

    def was_well(self, container: Container) -> bool:
        """Now, or until a moment ago: nobody can know of a death sooner."""
        recently = container.ended and (self.clock.now() - container.ended).total_seconds() < 3.0
        bad = self.quality(container.plan.release) in HELD_AT_THE_GATE
        return self.well(container) or (bool(recently) and not bad)

    def at(self, host: str) -> list[Container]:
        return [c for c in self.containers.values() if c.host == host]

    def reboot(self, host: str) -> None:
        """Everything on it dies; what is kept starts again, and so does its proxy, with its last configuration."""
        self.boots[host] += 1
        for container in self.at(host):
            if container.state is ReplicaState.RUNNING:
                self.end(container, exit_code=137)
        for site, front in self.fronts.items():
            if site.host == host:
                front.leaving.clear()
                front.held = front.ready()

    # -------------------------------------------------------------------------------------------- effects

    def effect(self, name: str, host: str, work: Callable[[], None], remote: bool = False) -> None:
        """Everything that changes the fleet passes here. The hook is where tests kill the driver. `remote`: not by the
        host itself, so that it need not be up."""
        self.hook(f"before {name} on {host}")
        self.clock.sleep(self.physics.effect)
        self.pass_time()
        if not self.up[host] and not remote:
            raise Unreachable(f"engine on {host}: no answer within 5 s")
        before = self.serving()
        work()
        if self.serving() < min(before, self.min_healthy):
            raise Violation(f"{name} on {host} took hosts in rotation from {before} to {self.serving()}")
        self.deeds.append(f"{name} on {host}")
        self.hook(f"after {name} on {host}")
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unreachable(f"engine on {host}: no answer within 5 s")

    def serving(self) -> int:
        """Hosts on which users reach a replica that is well."""
        return sum(self.serves_well(h) and (not self.entrance or self.entrance.sends(h)) for h in self.hosts)

    def serves_well(self, host: str) -> bool:
        return any(self.was_well(c) and self.routed(c) for c in self.at(host))

    def routed(self, container: Container) -> bool:
        return any(
            b.address == container.address and b.state is BackendState.READY
            for front in self.fronts.values()
            if front.running
            for b in front.backends
        )

    def pull(self, host: str, image: str) -> None:
        if not self.registry_up:
            raise Unreachable("registry: no answer within 10 s")
        if image in self.missing:
            raise Rejected(f"the registry has no {image}")
        self.images[host].add(image)

    def start(self, host: str, plan: ReplicaPlan, installation: str = "") -> None:
        same = [c for c in self.at(host) if c.is_of(plan)]
        if any(c.state is ReplicaState.RUNNING for c in same):
            return
        if plan.image not in self.images[host]:
            raise Rejected(f"{host} has no image {plan.image}")
        if host in self.taken:
            raise PortTaken(f"{host} has no free port")
        if self.singleton and any(c.state is ReplicaState.RUNNING for c in self.containers.values()):
            raise Violation(f"a second one of a singleton on {host}")
        for dead in same:
            del self.containers[dead.id]
        self._count += 1
        address = f"{host}:{20000 + self._count}"
        name = f"c{self._count}"
        self.containers[name] = Container(
            name, plan, host, address, self.clock.now(), installation=installation
        )

    def keep(self, container_id: str) -> None:
        container = self.containers[container_id]
        if not container.restart_always and not self.was_well(container):
            raise Violation(f"{container_id} is kept alive and was never well: that hides how it ends")
        container.restart_always = True

    def retire(self, host: str, container_id: str) -> None:
        container = self.containers.get(container_id)
        if container is None:
            return
        if self.routed(container) and self.was_well(container):
            raise Violation(
                f"stopped {container_id} of release {container.plan.release} on {host} while it was routed"
            )
        for site, front in self.fronts.items():
            since = front.leaving.get(container.address)
            if since and container.state is ReplicaState.RUNNING and self._busy(since):
                raise Violation(f"stopped {container_id} on {host} while {site} had open requests to it")
        del self.containers[container_id]

    def _busy(self, since: datetime) -> bool:
        gone = (self.clock.now() - since).total_seconds()
        return gone < min(self.physics.request, self.drain_timeout)

    def prune(self, host: str, keep: Iterable[str]) -> None:
        in_use = {c.plan.image for c in self.at(host)}
        gone = self.images[host] - set(keep) - in_use
        if gone & self.protected():
            raise Violation(f"pruned {gone & self.protected()} on {host}")
        self.images[host] -= gone
        self.free[host], self.frees = self.free[host] + self.frees, 0

    def front(self, site: Site) -> Front:
        if site not in self.fronts:
            self.fronts[site] = Front()
        return self.fronts[site]

    def sessions(self, site: Site, address: str) -> int:
        since = self.front(site).leaving.get(address)
        if self.entrance and self.entrance.busy(site.host, self.physics.request):
            return 1
        return int(since is not None and self._busy(since))

    def serve(self, wanted: SiteWanted, installation: str = "") -> None:
        front = self.front(wanted.site)
        front.installation = front.installation or ("" if front.running else installation)
        if wanted.generation < front.generation:
            said = f"{wanted.site}: it has generation {front.generation}, and this was {wanted.generation}"
            raise Outdated(said, front.generation)
        if front.stuck:
            raise Unreachable(f"{wanted.site}: the new configuration is not served")
        if front.refuses:
            raise ConfigRefused(f"{wanted.site}: the configuration does not load")
        backends = tuple(b for route in wanted.routes for b in route.backends)
        ready = {b.address for b in backends if b.state is BackendState.READY}
        if (
            not ready
            and self.entrance
            and self.entrance.sends(wanted.site.host)
            and self.serves_well(wanted.site.host)
        ):
            raise Violation(f"users of the load balancer meet an empty proxy on {wanted.site.host}")
        for address in ready - front.ready():
            self._admit(address)
        front.load(wanted.generation, backends, self.clock.now())

    def check(self, site: Site) -> None:
        if self.front(site).refuses:
            raise ConfigRefused(f"{site}: the configuration does not load")

    def _admit(self, address: str) -> None:
        container = next((c for c in self.containers.values() if c.address == address), None)
        if container is None or not self.was_well(container):
            raise Violation(f"traffic to {address}, which was never well")
        quality = self.quality(container.plan.release)
        if quality in HELD_AT_THE_GATE:
            raise Violation(f"traffic to a release that is {quality}")
        if quality not in HARMLESS:
            self.hurt.add(container.host)
