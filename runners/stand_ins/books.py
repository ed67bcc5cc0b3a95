"""Leases, releases, deployments and routes in memory. They keep the contracts of `pipeline.books`.

The real thing is `runners.store`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.errors import Conflict, NotFound, Stopped
from pipeline.fleet.host import HostState
from pipeline.fleet.proxy import Route, Site, SiteWanted
from pipeline.lease import Lease
from pipeline.rollout.deployment import (
    ACTIVE,
    Deployment,
    DeploymentSummary,
    EnvironmentState,
    Happening,
    Request,
    Status,
)
from pipeline.rollout.release import Release, ReleaseSummary
from runners.stand_ins.summaries import newest_deployments, release_summaries
from runners.stand_ins.time import VirtualClock

Place = tuple[str, str]


@dataclass
class MemoryLeases:
    """Implements `pipeline.books.Leases`."""

    clock: VirtualClock
    rows: dict[str, Lease] = field(default_factory=dict)

    def take(self, key: str, owner: str, ttl: float) -> Lease | None:
        old = self.rows.get(key)
        now = self.clock.now()
        if old is not None and old.owner and old.until > now:
            return None
        self.rows[key] = Lease(key, owner, old.fence + 1 if old else 1, now + timedelta(seconds=ttl))
        return self.rows[key]

    def extend(self, lease: Lease, ttl: float) -> bool:
        if not self._is(lease):
            return False
        self.rows[lease.key] = replace(lease, until=self.clock.now() + timedelta(seconds=ttl))
        return True

    def give_back(self, lease: Lease) -> None:
        if self._is(lease):
            self.rows[lease.key] = replace(lease, owner="")

    def guard(self, lease: Lease) -> None:
        if not self._is(lease):
            raise Stopped(f"{lease.owner} lost the lease {lease.key}. Nothing was written.")

    def _is(self, lease: Lease) -> bool:
        row = self.rows.get(lease.key)
        return row is not None and (row.owner, row.fence) == (lease.owner, lease.fence)


@dataclass
class MemoryReleases:
    """Implements `pipeline.books.Releases`."""

    rows: dict[tuple[str, int], Release] = field(default_factory=dict)

    def add(self, release: Release) -> Release:
        number = 1 + max((n for service, n in self.rows if service == release.service), default=0)
        self.rows[(release.service, number)] = replace(release, number=number)
        return self.rows[(release.service, number)]

    def release(self, service: str, number: int) -> Release:
        if (service, number) not in self.rows:
            raise NotFound(f"Service {service!r} has no release {number}.")
        return self.rows[(service, number)]

    def releases(self, service: str, limit: int = 50, before: int = 0) -> list[Release]:
        mine = [r for (name, n), r in self.rows.items() if name == service and (not before or n < before)]
        return sorted(mine, key=lambda r: r.number, reverse=True)[:limit]

    def summaries(self, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], ReleaseSummary]:
        return release_summaries(self.rows, wanted)


@dataclass
class MemoryRoutes:
    """Implements `pipeline.books.Routes`."""

    leases: MemoryLeases
    rows: dict[Site, SiteWanted] = field(default_factory=dict)

    def wanted(self, site: Site) -> SiteWanted:
        return self.rows.get(site, SiteWanted(site, 0))

    def wanted_on(self, sites: Sequence[Site]) -> Mapping[Site, SiteWanted]:
        return {site: self.wanted(site) for site in sites}

    def put(self, route: Route, lease: Lease, drains: bool = True) -> SiteWanted:
        self.leases.guard(lease)
        route = replace(route, backends=tuple(sorted(route.backends)))
        before = self.wanted(route.site)
        routes = {r.name: r for r in before.routes if r.name != route.name}
        if route.backends:
            routes[route.name] = route
        after = tuple(routes[name] for name in sorted(routes))
        if after != before.routes:
            old = next((r for r in before.routes if r.name == route.name), None)
            grows = drains or not route.reads_like(old)
            self.rows[route.site] = SiteWanted(route.site, before.generation + grows, after)
        return self.wanted(route.site)

    def outgrow(self, site: Site, generation: int, lease: Lease) -> None:
        self.leases.guard(lease)
        if self.wanted(site).generation < generation:
            self.rows[site] = replace(self.wanted(site), generation=generation + 1)


@dataclass
class MemoryFleet:
    """Implements `pipeline.books.Fleet`."""

    clock: VirtualClock
    rows: dict[str, HostState] = field(default_factory=dict)

    def hosts(self) -> dict[str, HostState]:
        return dict(self.rows)

    def drain(self, host: str, by: str, reason: str) -> None:
        row = self._row(host)
        at = row.drained_at or self.clock.now()
        self.rows[host] = replace(row, drained_at=at, drained_by=by, reason=reason, returned_at=None)

    def resume(self, host: str) -> None:
        row, now = self._row(host), self.clock.now()
        if row.drained_at:
            self.rows[host] = replace(row, drained_at=None, drained_by="", reason="", returned_at=now)

    def silent(self, host: str, since: datetime) -> bool:
        row = self._row(host)
        self.rows[host] = replace(row, silent_since=row.silent_since or since)
        return row.silent_since is None

    def answers(self, host: str, at: datetime) -> bool:
        row = self._row(host)
        if row.silent_since:
            self.rows[host] = replace(row, silent_since=None, returned_at=at)
        return row.silent_since is not None

    def settled(self, host: str, returned_at: datetime) -> None:
        if self._row(host).returned_at == returned_at:
            self.rows[host] = replace(self._row(host), returned_at=None)

    def _row(self, host: str) -> HostState:
        return self.rows.get(host, HostState(host))


@dataclass
class MemoryDeployments:
    """Implements `pipeline.books.Deployments`."""

    leases: MemoryLeases
    clock: VirtualClock
    rows: dict[int, Deployment] = field(default_factory=dict)
    history: dict[int, list[Happening]] = field(default_factory=dict)
    states: dict[Place, EnvironmentState] = field(default_factory=dict)
    good: dict[Place, list[int]] = field(default_factory=dict)
    _read: dict[int, int] = field(default_factory=dict)

    def create(self, deployment: Deployment, alone: bool = False) -> int:
        number = len(self.rows) + 1
        other = next((d for d in self._at(_place(deployment)) if not d.over), None)
        if alone and other is not None:
            raise Conflict(f"Deployment {other.id} is {other.status}; ask again when it is over.")
        for old in self._at(_place(deployment)):
            if old.status is Status.PENDING:
                why = f"Deployment {number} took its place before it began."
                self.rows[old.id] = replace(old, status=Status.SUPERSEDED, error=why)
        self.rows[number] = replace(deployment, id=number, status=Status.PENDING)
        return number

    def deployment(self, deployment_id: int) -> Deployment:
        if deployment_id not in self.rows:
            raise NotFound(f"There is no deployment {deployment_id}.")
        return self.rows[deployment_id]

    def deployments(
        self, service: str = "", environment: str = "", limit: int = 50, before: int = 0
    ) -> list[Deployment]:
        found = [d for d in self.rows.values() if service in ("", d.service)]
        found = [d for d in found if environment in ("", d.environment) and (not before or d.id < before)]
        return sorted(found, key=lambda d: d.id, reverse=True)[:limit]

    def counts(self) -> dict[str, int]:
        statuses = [str(d.status) for d in self.rows.values()]
        return {status: statuses.count(status) for status in statuses}

    def active(self, service: str, environment: str) -> Deployment | None:
        return next((d for d in self._at((service, environment)) if d.status in ACTIVE), None)

    def save(self, deployment: Deployment, happenings: Sequence[Happening], lease: Lease) -> None:
        self.leases.guard(lease)
        row = self.deployment(deployment.id)
        if row.over:
            raise Conflict(f"Deployment {row.id} is over already: {row.status}. Nothing was written.")
        other = self.active(row.service, row.environment)
        if deployment.status in ACTIVE and other is not None and other.id != row.id:
            raise Conflict(f"Deployment {other.id} is at work: deployment {row.id} waits for its end.")
        newer = row.request_no > max(self._read.get(row.id, 0), deployment.request_no)
        request = row.request if deployment.request is not Request.NONE or newer else Request.NONE
        asked = request, row.request_no
        if asked != (deployment.request, deployment.request_no):
            deployment = replace(deployment, request=request, request_no=row.request_no)
        self.rows[row.id] = deployment
        self.history.setdefault(row.id, []).extend(happenings)
        self._verdict(deployment)

    def _verdict(self, deployment: Deployment) -> None:
        place = _place(deployment)
        state = self.environment(*place)
        if deployment.status is Status.ROLLED_BACK:
            previous = deployment.previous
            state = replace(state, live=previous.number if previous else None)
        good = deployment.settled or deployment.status is Status.SUCCEEDED
        if good or deployment.over:
            state = replace(state, placed=deployment.places(state.placed))
        self.states[place] = state
        if not good:
            return
        number = deployment.release.number
        self.states[place] = replace(state, live=number, last_good=number)
        self.good[place] = [number, *(n for n in self.good.get(place, []) if n != number)]
        for waiting in self._at(place):
            if waiting.status is Status.PENDING:
                self.rows[waiting.id] = waiting.after(deployment)

    def ask(self, deployment_id: int, request: Request) -> Deployment:
        row = self.deployment(deployment_id)
        if row.over:
            raise Conflict(f"Deployment {deployment_id} is over already: {row.status}.")
        if request is Request.ABORT and row.status is Status.PENDING:
            row = replace(row, status=Status.CANCELLED, error="Cancelled before it began.")
        elif row.request is not Request.ABORT:
            row = replace(row, request=request, request_no=row.request_no + 1)
        elif request is not Request.ABORT:
            raise Conflict(f"Deployment {deployment_id} is being aborted already; it ends soon.")
        self.rows[deployment_id] = row
        return row

    def requested(self, deployment_id: int) -> Request:
        row = self.deployment(deployment_id)
        self._read[deployment_id] = row.request_no
        return row.request

    def happenings(self, deployment_id: int, after: int = 0) -> list[tuple[int, Happening]]:
        lines = enumerate(self.history.get(deployment_id, []), start=1)
        return [(number, line) for number, line in lines if number > after]

    def environment(self, service: str, environment: str) -> EnvironmentState:
        return self.states.get((service, environment), EnvironmentState(service, environment))

    def environments(self, places: Collection[Place]) -> dict[Place, EnvironmentState]:
        return {place: self.environment(*place) for place in places}

    def under_way(self) -> list[Deployment]:
        return sorted((d for d in self.rows.values() if not d.over), key=lambda d: d.id, reverse=True)

    def newest(self, places: Collection[Place], limit: int) -> dict[Place, list[DeploymentSummary]]:
        return newest_deployments(self.rows.values(), places, limit)

    def set_replicas(self, service: str, environment: str, replicas: int) -> None:
        state = self.environment(service, environment)
        self.states[(service, environment)] = replace(state, replicas=replicas)

    def set_moved(self, service: str, environment: str, moved: Mapping[str, str]) -> None:
        state = self.environment(service, environment)
        self.states[(service, environment)] = replace(state, moved=dict(moved))

    def good_releases(self, service: str, environment: str) -> list[int]:
        return list(self.good.get((service, environment), []))

    def due(self) -> list[int]:
        now = self.clock.now()
        keys = {key for key, row in self.leases.rows.items() if row.owner and row.until > now}
        free = [d for d in self.rows.values() if f"deployment:{d.id}" not in keys]
        waiting = [d for d in free if d.status is Status.PENDING and self.active(*_place(d)) is None]
        return sorted(d.id for d in [*waiting, *(d for d in free if d.status in ACTIVE)])

    def at_rest(self) -> bool:
        return all(deployment.over for deployment in self.rows.values())

    def _at(self, place: Place) -> list[Deployment]:
        return [d for d in self.rows.values() if _place(d) == place]


def _place(deployment: Deployment) -> Place:
    return deployment.service, deployment.environment
