"""The nginx or HAProxy container in front of replicas: where it stands and what it should route. Nouns only."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property


class ProxyKind(StrEnum):
    HAPROXY = "haproxy"
    NGINX = "nginx"


@dataclass(frozen=True)
class Proxy:
    """One entry under `proxies`. `hosts` empty: one proxy container on each host of a service, else only on these."""

    name: str
    kind: ProxyKind
    image: str
    listen: int = 80
    hosts: tuple[str, ...] = ()

    @property
    def names_drains(self) -> bool:
        """Does its configuration name backends that only finish what they have? nginx leaves that to its old workers."""
        return self.kind is ProxyKind.HAPROXY


@dataclass(frozen=True, order=True)
class Site:
    """One running proxy: the proxy's name and the host it runs on."""

    proxy: str
    host: str

    def __str__(self) -> str:
        return f"{self.proxy}@{self.host}"


class BackendState(StrEnum):
    READY = "ready"  # gets new requests
    DRAIN = "drain"  # finishes what it has, gets nothing new


@dataclass(frozen=True, order=True)
class Backend:
    """One replica as a proxy sees it."""

    address: str  # ip:port as reached from the proxy
    host: str
    release: int
    state: BackendState = BackendState.READY


@dataclass(frozen=True)
class Route:
    """What one site should do for one service and environment. `domain` empty: the default route of that site."""

    site: Site
    service: str
    environment: str
    domain: str = ""
    backends: tuple[Backend, ...] = ()
    drain_timeout: float = 30.0  # seconds
    health: str = ""  # a path that a ready replica answers below 500; empty: any answer to / is one

    @property
    def name(self) -> str:
        """Stable identifier, safe in a configuration file: letters, digits, `-` and `_` only (settings enforce it)."""
        return f"{self.service}_{self.environment}"

    @property
    def ready(self) -> frozenset[str]:
        return frozenset(b.address for b in self.backends if b.state is BackendState.READY)

    def reads_like(self, other: "Route | None") -> bool:
        """To a proxy whose configuration names only who gets requests."""
        if other is None or not (self.backends and other.backends):
            return False
        return replace(self, backends=other.backends) == other and self._getting == other._getting

    @property
    def _getting(self) -> tuple[Backend, ...]:
        return tuple(b for b in self.backends if b.state is BackendState.READY)


@dataclass(frozen=True)
class BackendSeen:
    """What a site reports about one address. Counters are since the address was added, None where the proxy has none;
    they may begin anew when the proxy does.

    `errors` are the server's: its 5xx answers, and requests that it refused, cut or left unanswered. 4xx are the client's.
    """

    address: str
    state: BackendState
    sessions: int | None = None
    requests: int | None = None
    errors: int | None = None
    mean: float | None = None  # seconds until an answer begins, over the latest requests
    held: bool = False  # it is ready by the configuration, and the proxy itself finds that it does not answer


@dataclass(frozen=True)
class SiteSeen:
    """What one running proxy really serves, read back from it."""

    site: Site
    running: bool
    generation: int = 0  # the marker that the serving process answers; 0: none of ours
    backends: tuple[BackendSeen, ...] = ()
    old_workers: int = 0  # processes of earlier configurations that still hold connections
    error: str = ""  # why it could not be read; empty when it could

    def serves(self, address: str) -> bool:
        return any(b.state is BackendState.READY for b in self._listed.get(address, ()))

    def holds(self, address: str) -> bool:
        """Its replica is back and has not answered the proxy yet."""
        return any(b.held for b in self._listed.get(address, ()))

    def idle(self, address: str) -> bool:
        """True when no request can be under way to this address through this site."""
        if not self.running or self.error or self.old_workers or self.serves(address):
            return False
        return all(not b.sessions for b in self._listed.get(address, ()))

    @cached_property
    def _listed(self) -> dict[str, list[BackendSeen]]:
        found: dict[str, list[BackendSeen]] = {}
        for backend in self.backends:
            found.setdefault(backend.address, []).append(backend)
        return found


@dataclass(frozen=True)
class SiteWanted:
    """Everything one site must serve: all routes of all services that use it, under one generation number."""

    site: Site
    generation: int
    routes: tuple[Route, ...] = field(default_factory=tuple)
