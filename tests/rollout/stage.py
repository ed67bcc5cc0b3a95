"""A stage for rollouts: a world, books, ports over them, and a driver that may be killed and followed by the next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from pipeline.errors import Stopped
from pipeline.fleet.proxy import Backend, BackendState, Proxy, ProxyKind, Route, Site
from pipeline.fleet.service import Environment, OnHostLoss
from pipeline.lease import deployment_key
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, HostPlan, Reason, Status
from pipeline.rollout.drive import drive
from pipeline.rollout.observed import ReplicaState
from pipeline.rollout.policy import Policy
from pipeline.rollout.release import HealthCheck, HealthKind, Release, ReplicaPlan, RuntimeSpec
from pipeline.rollout.whereabouts import drafted
from runners.stand_ins.entrance import Entrance, WorldBalancer
from runners.stand_ins.fleet import WorldEngines, WorldMetrics, WorldProbe, WorldProxies
from runners.stand_ins.things import HARMLESS, Quality, Violation
from runners.stand_ins.time import InlineHands, VirtualClock
from runners.stand_ins.world import World
from tests.rollout.mortal import Books, Crash, Logs, MortalDeployments, MortalLeases, Notices, memory_books
from tests.rollout.scenery import PRODUCTION, SHOP, machines_of, settings_of

TAKEOVER = 6.0  # seconds after which the next driver comes
HEALTH = HealthCheck(HealthKind.HTTP, "/healthz", rise=2, fall=2, deadline=10.0)
POLICY = Policy(healthy_for=1.0, deadline=20.0, bake=3.0, drain_timeout=5.0, unreachable_grace=15.0)


class Stage:
    def __init__(
        self,
        hosts: int = 3,
        replicas: int = 1,
        edge: bool = False,
        proxy: ProxyKind | None = ProxyKind.HAPROXY,
        policy: Policy = POLICY,
        books: Callable[[VirtualClock], Books] = memory_books,
        regions: Sequence[str] = (),
        entrance: bool = False,
        spare: int = 0,  # of the hosts: the last ones, on which the environment does not run yet
        place: bool = False,  # the spare ones are hosts of the environment, and it uses only as many as it runs on
    ) -> None:
        self.clock = VirtualClock()
        names = tuple(f"web-{n}" for n in range(1, hosts + 1))
        self.names, self.used = names, names[: hosts - spare]
        fronts = ("edge-1",) if edge else ()
        self.world = World((*names, *fronts), self.clock)
        self.world.drain_timeout = policy.drain_timeout
        self.books = books(self.clock)
        self.dead = False
        self.hook: Callable[[str], None] = lambda _: None
        self.world.hook = self.reach
        self.machines = machines_of((*names, *fronts), regions)
        front = Proxy("front", proxy, f"{proxy}:latest", hosts=fronts) if proxy else None
        self.environment = Environment(
            SHOP,
            PRODUCTION,
            tuple(self.machines[name] for name in (names if place else self.used)),
            replicas=replicas,
            place=len(self.used) if place else None,
            on_host_loss=OnHostLoss.REPLACE if place else OnHostLoss.WAIT,
            proxy=front,
            load_balancer="entry" if entrance else "",
            policy=policy,
        )
        if entrance:
            self.world.entrance = Entrance.over(self.used, self.clock)
        self.world.singleton = policy.singleton
        self.settings = settings_of(self.environment, self.machines)
        self.logs, self.notices = Logs(), Notices()
        self.ports = self._ports()
        self.owners = 0
        self.world.protected = self._protected

    def _ports(self) -> Ports:
        nothing: Any = None
        return Ports(
            settings=self.settings,
            forges={},
            inbox=nothing,
            leases=MortalLeases(self, self.books.leases),
            runs=nothing,
            releases=self.books.releases,
            deployments=MortalDeployments(self, self.books.deployments),
            routes=self.books.routes,
            fleet=self.books.fleet,
            tokens=nothing,
            audit=nothing,
            logs=cast(Any, self.logs),
            queue=nothing,
            source=nothing,
            builder=nothing,
            engines=WorldEngines(self.world),
            proxies=WorldProxies(self.world),
            balancers={"entry": WorldBalancer(self.world, self.world.entrance)}
            if self.world.entrance
            else {},
            probe=WorldProbe(self.world),
            metrics=WorldMetrics(self.world),
            hands=InlineHands(),
            clock=self.clock,
            notices=self.notices,
        )

    # ---------------------------------------------------------------------------------------- releases

    def release(self, quality: Quality = Quality.GOOD, **spec: Any) -> Release:
        """A new one, in the registry."""
        health = spec.pop("health", None)
        if health is None:
            health = replace(HEALTH, smoke=("/",)) if quality is Quality.BAD_SMOKE else HEALTH
        plain = Release(SHOP, 0, "", spec=RuntimeSpec(health=health, **spec), environment=PRODUCTION)
        number = len(self.books.releases.releases(SHOP)) + 1
        release: Release = self.books.releases.add(replace(plain, image=f"r/shop@sha256:{number}"))
        self.world.qualities[release.number] = quality
        return release

    def live(self, quality: Quality = Quality.GOOD, **spec: Any) -> Release:
        """A release that has been live for long, on all hosts, as an earlier deployment left it."""
        release = self.release(quality, **spec)
        here = self.plans(dict.fromkeys(self.used, self.environment.replicas))
        number = self.deploy(release, hosts=tuple(replace(plan, before=None) for plan in here))
        for host in self.used:
            self._standing(host, release, number)
        self._settled(number, release)
        self.clock.sleep(60.0)
        hosts = len(self.used)
        self.world.min_healthy = hosts - self.environment.policy.batch_of(hosts) if self.sites else 0
        return release

    def _standing(self, host: str, release: Release, number: int) -> None:
        self.world.images[host].add(release.image)
        for index in range(self.environment.replicas):
            plan = ReplicaPlan(
                SHOP, PRODUCTION, release.number, release.image, release.spec, number, index, release.commit
            )
            self.world.start(host, plan)
        for container in self.world.at(host):
            container.restart_always = True

    def _settled(self, number: int, release: Release) -> None:
        """Journalled by a driver of its own, in one step."""
        lease = self.books.leases.take(deployment_key(number), "long ago", 5.0)
        deployment = self.books.deployments.deployment(number)
        for site in self.sites[: len(self.used)]:
            fronted = [
                c for c in self.world.containers.values() if len(self.sites) == 1 or c.host == site.host
            ]
            backends = tuple(Backend(c.address, c.host, release.number) for c in fronted)
            wanted = self.books.routes.put(Route(site, SHOP, PRODUCTION, backends=backends), lease)
            front = self.world.front(site)
            front.running, front.generation, front.backends = True, wanted.generation, backends
        done = replace(deployment, status=Status.SUCCEEDED, settled=True)
        self.books.deployments.save(done, [], lease)
        self.books.leases.give_back(lease)

    def plans(self, counts: Mapping[str, int]) -> tuple[HostPlan, ...]:
        """Where the environment is to run, and how many replicas of it."""
        before = dict.fromkeys(self.used, self.environment.replicas)
        proxy = self.environment.proxy
        return tuple(
            HostPlan(
                host,
                (proxy.hosts or (host,)) if proxy else (),
                replicas=count,
                before=before.get(host, 0),
            )
            for host, count in sorted(counts.items(), key=lambda item: item[1] == 0)
        )

    def deploy(self, release: Release, reason: Reason = Reason.PUSH, **changes: Any) -> int:
        plain = drafted(self.environment, release, reason, "test", self.ports)
        number: int = self.books.deployments.create(replace(plain, **changes))
        return number

    def _protected(self) -> set[str]:
        state = self.books.deployments.environment(SHOP, PRODUCTION)
        active = self.books.deployments.active(SHOP, PRODUCTION)
        needed = [r for r in (active.release, active.previous) if r] if active else []
        images = {r.image for r in needed}
        for number in (state.live, state.last_good):
            if number is not None:
                images.add(self.books.releases.release(SHOP, number).image)
        return images

    # ---------------------------------------------------------------------------------------- driving

    def reach(self, where: str) -> None:
        """Every effect, commit and extension passes here; tests kill or freeze the driver in the hook."""
        try:
            self.hook(where)
        except Crash:
            self.dead = True
            raise

    def driver(self, deployment_id: int, stop: Callable[[], bool] = lambda: False) -> Deployment:
        """One driver with a lease of its own. A crash leaves everything as it stands."""
        self.owners += 1
        lease = self.books.leases.take(deployment_key(deployment_id), f"driver-{self.owners}", 5.0)
        if lease is None:
            raise Stopped("somebody else drives it")
        self.dead = False
        deployment = drive(deployment_id, lease, stop, self.ports)
        self.books.leases.give_back(lease)
        return deployment

    def run(self, deployment_id: int, most: float = 1200.0) -> Deployment:
        """Driver after driver until it is over: a crash costs some seconds, as it does with real leases."""
        limit = self.clock.now() + timedelta(seconds=most)
        while self.clock.now() < limit:
            try:
                deployment = self.driver(deployment_id, lambda: self.clock.now() >= limit)
            except (Crash, Stopped):
                self.clock.sleep(TAKEOVER)
                self.books.expire()
            else:
                if deployment.over or deployment.status is Status.PENDING:
                    return deployment
        last = self.books.deployments.deployment(deployment_id)
        raise Violation(f"no verdict within {most:g} s: {last.status} {last.blocked}")

    # ---------------------------------------------------------------------------------------- seeing

    @property
    def sites(self) -> tuple[Site, ...]:
        proxy = self.environment.proxy
        hosts: Sequence[str] = (proxy.hosts or self.names) if proxy else ()
        return tuple(Site("front", host) for host in hosts)

    def running(self, host: str) -> list[tuple[int, int]]:
        """(release, index) of what runs there."""
        found = [c for c in self.world.at(host) if c.state is ReplicaState.RUNNING]
        return sorted((c.plan.release, c.plan.index) for c in found)

    def serves(self, site: Site) -> set[int]:
        """Releases that users of this site reach."""
        backends = self.world.front(site).backends
        return {b.release for b in backends if b.state is BackendState.READY}

    def kinds(self, deployment_id: int) -> list[str]:
        return [h.kind for _, h in self.books.deployments.happenings(deployment_id)]

    def check(self, deployment_id: int, release: Release | None) -> None:
        """Every reachable host runs exactly this release, in rotation, and nothing else is left."""
        deployment = self.books.deployments.deployment(deployment_id)
        if not deployment.over:
            raise Violation(f"not final: {deployment.status}")
        for host in self.names:
            if self.world.up[host]:
                self._check_host(host, release, deployment)
        back = deployment.status is Status.ROLLED_BACK
        counted = deployment.count_before if back else deployment.count
        fronts = {site for plan in deployment.hosts if counted(plan) for site in plan.sites}
        for site in self.sites:
            want = {release.number} if release and site.host in fronts else set()
            if self.world.up[site.host] and self.serves(site) != want:
                raise Violation(f"{site} serves {self.serves(site)}, not {want}")
        self._check_entrance({plan.host for plan in deployment.hosts if counted(plan)})
        good = self.books.deployments.environment(SHOP, PRODUCTION).last_good
        if good is not None and self.world.quality(good) not in HARMLESS:
            raise Violation(f"bad release {good} became the last good one")

    def _check_entrance(self, used: set[str]) -> None:
        """It sends to exactly the hosts that are used; one that does not answer may wait."""
        if self.world.entrance is None:
            return
        let_in = {host for host, place in self.world.entrance.places.items() if place.let_in}
        wrong = {host for host in let_in ^ used if self.world.up[host]}
        if wrong:
            raise Violation(f"the load balancer sends to {sorted(let_in)}, not {sorted(used)}")

    def _check_host(self, host: str, release: Release | None, deployment: Deployment) -> None:
        plan = next((p for p in deployment.hosts if p.host == host), HostPlan(host, replicas=0, before=0))
        back = deployment.status is Status.ROLLED_BACK
        count = deployment.count_before(plan) if back else deployment.count(plan)
        want = [(release.number, index) for index in range(count)] if release else []
        if self.running(host) != want:
            raise Violation(
                f"{host} runs {self.running(host)}, not {want} ({deployment.status}: {deployment.error})"
            )
        if len(self.world.at(host)) != len(want):
            raise Violation(f"{host} has dead containers left")
        if any(not c.restart_always for c in self.world.at(host)):
            raise Violation(f"{host} has a replica that its engine would not restart")
