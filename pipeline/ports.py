"""What the flows need from the world, in the flows' own words: the one page an author of an adapter must read.

Contract of every method, unless it says otherwise: calling it twice with the same arguments is safe; it raises only
`RunnerError` kinds (stores also `NotFound`, `Conflict` and `Stopped`); it has a timeout of its own; it may be called from
several threads at once. Times are UTC and timezone-aware, durations are seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from pipeline.agents import Agents, NoAgents
from pipeline.books import (
    Audit,
    Deployments,
    Fleet,
    Inbox,
    Leases,
    NoSecrets,
    Releases,
    Routes,
    Runs,
    Secrets,
    Tokens,
)
from pipeline.building import Artifacts, Builder, NoArtifacts, Source
from pipeline.enrolment.desk import EnrolmentDesk
from pipeline.entrances.addresses import Addresses, NoAddresses
from pipeline.entrances.book import Dns, Entrances, NobodyOutside, NoEntrances, Outside
from pipeline.figures.fact import FigureBook, NoFigures
from pipeline.figures.pulse import NoPulse, PulseBook
from pipeline.fleet.balancer import Capabilities, Member, Target
from pipeline.fleet.check import Checks, NoChecks
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.metric import Criterion, Reading
from pipeline.fleet.proxy import Proxy, SiteSeen, SiteWanted
from pipeline.fleet.service import Repository, Service
from pipeline.intake.push import Hook
from pipeline.notices.book import NoNotices, Told
from pipeline.people import NoSessions, NoUsers, Provider, Sessions, Users
from pipeline.pools.book import NoPools, Pools
from pipeline.pools.cloud import Compute, Invites, NoInvites
from pipeline.recovery.backup import BackupBook, NoBackups
from pipeline.recovery.book import NoRecovery, Recovery
from pipeline.recovery.remains import Census, NoCensus
from pipeline.retention.thing import Thing, Verdict
from pipeline.rollout.observed import HostSeen, Sample
from pipeline.rollout.release import HealthCheck, ReplicaPlan
from pipeline.roster import NoRoster, Roster
from pipeline.scaling.book import Loads, NoLoads, NoScaling, ScalingBook
from pipeline.settings import Settings
from pipeline.timing import Freezes, NoFreezes, NoSchedules, Schedules

T = TypeVar("T")
# ------------------------------------------------------------------------------------------------ intake


class Forge(Protocol):
    """A place that hosts git repositories and sends webhooks. Header names are lower case."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        """The project the body claims to be from, empty: an event of none. Not trusted yet. Raises `Refused` (400)."""

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        """Verify over the raw bytes in constant time, then read. Raises `BadSignature`, or `Refused` when malformed."""

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        """What a delivery says that was proved when it came. Raises `Refused` when malformed."""


class Logs(Protocol):
    """Append-only, a file a stage, bounded, masked before a byte is written (secrets split over two calls too)."""

    def append(self, run_id: int, stage: str, text: str) -> None: ...
    def close(self, run_id: int, stage: str) -> None: ...
    def size(self, run_id: int) -> int: ...
    def settle(self) -> None:
        """What was appended so far can be read by everybody when this returns."""

    def parts(self, run_id: int) -> list[tuple[str, int]]:
        """What the log is put together of, in order: the stage and its bytes. A resumed stage may come twice."""

    def read(self, run_id: int, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        """The run's whole log (its stages one after the other) from a byte offset: (bytes, next offset)."""

    def hide(self, secrets: Sequence[str]) -> None:
        """From now on these texts are written as ***."""

    def masked(self, text: str) -> str:
        """As it would be written: for sentences that go elsewhere."""


class JobQueue(Protocol):
    """Wakes workers with ids; loses nothing that matters when it is emptied."""

    def wake_run(self, run_id: int, new: bool = False) -> None:
        """May be called for an id that already waits or is worked on: a second wake of it does nothing. `new`: it was
        queued just now and cannot wait already, which need not be asked."""

    def wake_deployment(self, deployment_id: int) -> None: ...
    def depth(self) -> int:
        """Ids that wait for a worker. Raises `Unreachable`, saying where, when the queue is down."""

    def workers(self) -> int:
        """Workers that gave a sign of life lately. Raises `Unreachable` like `depth`."""


# ------------------------------------------------------------------------------------------------ rollout


class Engines(Protocol):
    """The hosts' engines, seen as replicas of one service and environment. Only objects with our labels are touched,
    and none that carries the mark of another installation of Shipway: `look` says that there is one, no more."""

    def look(self, host: Host, service: str, environment: str) -> HostSeen:
        """Never raises: an engine that does not answer within 5 s is `reachable=False` with its reason."""

    def pull(self, host: Host, image: str, access: RegistryAccess) -> None:
        """By digest. Raises `Rejected` (no such image, credentials), `DiskFull`, `Unreachable`."""

    def weight(self, host: Host, image: str, access: RegistryAccess, spare: int = 0) -> int | None:
        """Compressed bytes that a pull would bring: of the layers that are not there; of all, when these fit into `spare`
        and need no closer look. None: not from our registry, or gone from it. Raises what the registry's silence is."""

    def start(self, host: Host, plan: ReplicaPlan) -> None:
        """Create and start with restart=no on a free port of `host.ports`, published on `host.address`. A running
        one of the same release and index is adopted; a dead one is removed first. Raises `StageFailed` when the
        image cannot be started (its fault), `PortTaken`, `DiskFull`, `Unreachable`."""

    def keep(self, host: Host, container: str) -> None:
        """restart=unless-stopped from now on."""

    def retire(self, host: Host, container: str, stop_timeout: float) -> None:
        """SIGTERM, wait, then remove. Absent is fine."""

    def logs(self, host: Host, container: str, lines: int = 50) -> str:
        """Newest lines, stdout and stderr. Empty when it is gone."""

    def once(self, host: Host, plan: ReplicaPlan, command: Sequence[str], timeout: float) -> tuple[int, str]:
        """Run a command in a new container of that image and env; (exit code, last output). Removed after."""

    def prune(self, host: Host, service: str, keep: Sequence[str]) -> None:
        """Remove images of this service's own repository on the host except these and those in use; other repositories
        are their owners' to tidy."""


class Proxies(Protocol):
    """The proxy containers on the hosts, run and configured through the engine. Another installation's is `Rejected`."""

    def seen(self, proxy: Proxy, host: Host) -> SiteSeen:
        """Never raises: what cannot be read is in `error`. No container yet: running=False."""

    def serve(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        """Make the site serve exactly this; return only when it is proved to be served. Starts the proxy when it is not
        running. `ConfigRefused` (it does not load) and `Outdated` (the site has a higher generation, whenever that came)
        leave the running configuration as it is. Old replicas that it stops routing keep their open requests."""

    def check(self, proxy: Proxy, host: Host, wanted: SiteWanted) -> None:
        """Would it load, and could a proxy that is not there yet have its port? Changes nothing that serves. Raises
        `ConfigRefused`, `Rejected`, `Unreachable`."""


class Probe(Protocol):
    """Asks one replica whether it is well, from where its proxy stands (from here when it has none)."""

    def sample(
        self, host: Host, site: tuple[Proxy, Host] | None, container: str, address: str, check: HealthCheck
    ) -> Sample:
        """One health request. Never raises; a refused connection is a sample that is not ok."""

    def smoke(
        self, host: Host, site: tuple[Proxy, Host] | None, container: str, address: str, check: HealthCheck
    ) -> Sample:
        """All smoke paths once; ok when every one answers below 500."""


class Metrics(Protocol):
    """A time series database that is asked about a release."""

    def read(self, criterion: Criterion, query: str) -> Reading:
        """Never raises: what cannot be read is in `error`, in words. NaN and an empty answer are no value."""


class Balancer(Protocol):
    """One load balancer in front of the proxies. It only translates: order, guards and waits are the rollout's.

    Every change is read, compared, written and read back: what is so already costs no call, no call is empty or too
    large for the cloud, and one change is made at a time. Throttling and 5xx are tried again with backoff for a bounded
    time; then `Unreachable`. `Rejected`: no such balancer, credentials, a member that does not carry our mark."""

    def capabilities(self) -> Capabilities:
        """From the balancer's own settings, so that waits fit it."""

    def members(self) -> dict[Target, Member]:
        """As the cloud has it now, never from a memory; members of others too."""

    def park(self, targets: Sequence[Target]) -> None:
        """Nothing new goes there; requests under way survive. An absent one is fine."""

    def admit(self, targets: Sequence[Target]) -> None:
        """Also from absent and from draining. Returns when the API says so, not when it is healthy."""

    def remove(self, targets: Sequence[Target]) -> None:
        """For good, as when a machine goes. A park first is the caller's."""


BUILDER = "builder:"  # no host has such a name


class Shelf(Protocol):
    """A place where what Shipway makes piles up: a host's engine, the builder's, the registry, our data folder."""

    @property
    def disk(self) -> str:
        """Whose disk it is on: a host's name, `BUILDER`, or empty where nobody makes room in a hurry."""

    def things(self) -> Sequence[Thing]:
        """All that may be ours, marked as such. Changes nothing. Raises when the place cannot be asked."""

    def remove(self, goer: Verdict) -> None:
        """Of `goer.thing` what its `references` name, or all. Absent is fine; what came to be used since is `Rejected`.
        Never by force."""


class Hands(Protocol):
    """Does things side by side, so that flows need no threads."""

    def each(self, jobs: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Results in order; a `ShipwayError` a job raised stands in its place, anything else is raised."""


class Clock(Protocol):
    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


class Notices(Protocol):
    """Tells people. Failing to tell never fails the work."""

    def tell(self, title: str, text: str) -> None: ...


@dataclass(frozen=True)
class Ports:
    """One bag, built once in `wiring`, handed down as an argument."""

    settings: Settings
    forges: Mapping[str, Forge]
    inbox: Inbox
    leases: Leases
    runs: Runs
    releases: Releases
    deployments: Deployments
    routes: Routes
    fleet: Fleet
    tokens: Tokens
    audit: Audit
    logs: Logs
    queue: JobQueue
    source: Source
    builder: Builder
    engines: Engines
    proxies: Proxies
    balancers: Mapping[str, Balancer]  # by their names in shipway.yml
    probe: Probe
    metrics: Metrics
    hands: Hands
    clock: Clock
    notices: Notices
    shelves: Sequence[Shelf] = ()
    artifacts: Artifacts = field(default_factory=NoArtifacts)
    secrets: Secrets = field(default_factory=NoSecrets)
    users: Users = field(default_factory=NoUsers)
    sessions: Sessions = field(default_factory=NoSessions)
    providers: Mapping[str, Provider] = field(default_factory=dict)  # who knows people elsewhere, by name
    freezes: Freezes = field(default_factory=NoFreezes)
    schedules: Schedules = field(default_factory=NoSchedules)
    figures: FigureBook = field(default_factory=NoFigures)
    pulse: PulseBook = field(default_factory=NoPulse)
    told: Told = field(default_factory=NoNotices)
    roster: Roster = field(default_factory=NoRoster)
    pools: Pools = field(default_factory=NoPools)
    clouds: Mapping[str, Compute] = field(default_factory=dict)  # by the names of pools
    invites: Invites = field(default_factory=NoInvites)
    agents: Agents = field(default_factory=NoAgents)
    checks: Checks = field(default_factory=NoChecks)
    enrolment: EnrolmentDesk | None = None  # None: shipway.yml lets nobody join
    scaling: ScalingBook = field(default_factory=NoScaling)
    loads: Loads = field(default_factory=NoLoads)
    entrances: Entrances = field(default_factory=NoEntrances)
    dns: Mapping[str, Dns] = field(default_factory=dict)  # by the names of entrances in shipway.yml
    outside: Outside = field(default_factory=NobodyOutside)
    addresses: Addresses = field(default_factory=NoAddresses)
    backups: BackupBook = field(default_factory=NoBackups)
    recovery: Recovery = field(default_factory=NoRecovery)
    census: Census = field(default_factory=NoCensus)

    def service(self, name: str) -> Service:
        return self.settings.service(name)
