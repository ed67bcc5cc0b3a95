"""What the world looks like at one instant, as far as one environment is concerned. Nouns only."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pipeline.fleet.balancer import Capabilities, Member
from pipeline.fleet.metric import Reading
from pipeline.fleet.proxy import Site, SiteSeen, SiteWanted
from pipeline.rollout.effects import Effect, Pull, Retire
from pipeline.rollout.release import Release


class ReplicaState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True)
class ReplicaSeen:
    """One container with our labels. (`container`, `started_at`) is its identity: a self-restart changes it."""

    container: str
    name: str
    release: int
    index: int
    state: ReplicaState
    started_at: str = ""
    address: str = ""  # ip:port; empty while it has none
    restart_always: bool = False
    exit_code: int | None = None
    oom: bool = False
    health: str = ""  # the engine's own word when the image has a HEALTHCHECK: starting | healthy | unhealthy
    image: str = ""  # repository@digest that it was made of; empty: not known

    def of(self, release: Release) -> bool:
        """A number may have been another release's before a database was lost or restored: the image decides."""
        return self.release == release.number and self.image in ("", release.image)


@dataclass(frozen=True)
class HostSeen:
    """What one engine said about one service and environment. `error` says why there was no answer."""

    host: str
    reachable: bool
    error: str = ""
    boot: str = (
        ""  # changes when the machine or its engine restarted; a death across it never blames the release
    )
    images: frozenset[str] = frozenset()  # repository@digest of all that lie on the host
    replicas: tuple[ReplicaSeen, ...] = ()
    free_bytes: int | None = None
    memory: int | None = None  # bytes of the machine
    clock_skew: float | None = None  # seconds, host minus ours
    stranger: str = ""  # the installation of another Shipway that runs this service and environment here too

    def after(self, effects: Iterable[Effect]) -> "HostSeen":
        mine = [effect for effect in effects if effect.where == self.host]
        gone = {effect.container for effect in mine if isinstance(effect, Retire)}
        brought = {effect.image for effect in mine if isinstance(effect, Pull)}
        left = tuple(replica for replica in self.replicas if replica.container not in gone)
        return replace(self, replicas=left, images=self.images | brought)


@dataclass(frozen=True)
class Sample:
    """One probe of one replica, taken from where its proxy stands."""

    container: str
    at: datetime
    ok: bool
    note: str  # what was seen, in words: "GET /healthz answered 503 'starting'"
    asked: bool = (
        True  # False: it could not be asked at all (the engine, the proxy); says nothing about the replica
    )


class Verdict(StrEnum):
    """How an effect ended. Only FAULT is the release's own."""

    DONE = "done"
    TROUBLE = "trouble"  # the world misbehaved; trying again may help
    REFUSED = "refused"  # the world said no; trying again will not help
    FAULT = "fault"  # the image cannot be started, the command before the deploy failed


@dataclass(frozen=True)
class Outcome:
    """What became of one effect since the last look. `note`: the error's sentence, a command's output, a log's tail."""

    effect: Effect
    verdict: Verdict = Verdict.DONE
    note: str = ""


@dataclass(frozen=True)
class EntranceSeen:
    """The load balancer as it is now. `members` by the name of the host whose proxy it sends to."""

    members: dict[str, Member] = field(default_factory=dict)
    capabilities: Capabilities | None = None  # None: it could not be read
    error: str = ""


@dataclass(frozen=True)
class Load:
    """What a pull of the release would bring to a host."""

    image: int | None = None  # compressed bytes of the layers that are not there; None: nobody could say
    floor: int = 256 << 20  # bytes that must be left

    @property
    def needed(self) -> int:
        """A layer lies there compressed and unpacked for a while."""
        return 2 * (self.image or 0) + self.floor


@dataclass(frozen=True)
class Observed:
    """One look. `samples` by container id; `smoke` holds the verdicts of smoke requests, also by container id.

    `wanted` is what our own books say each site should serve, `parked` the hosts that an earlier
    deployment of the environment left out of the load balancer. `entrance` None: not looked at.
    `at`: when it began; None: nothing but our books was looked at."""

    at: datetime | None = None
    hosts: dict[str, HostSeen] = field(default_factory=dict)
    sites: dict[Site, SiteSeen] = field(default_factory=dict)
    wanted: dict[Site, SiteWanted] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    smoke: dict[str, Sample] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    entrance: EntranceSeen | None = None
    parked: tuple[str, ...] = ()
    loads: dict[str, Load] = field(default_factory=dict)  # by host, while something is still to be pulled

    def used(self) -> "Observed":
        """Without what counts once: decided on again, it is no second evidence."""
        return replace(self, samples={}, smoke={}, readings=(), outcomes=())

    def after(self, outcomes: tuple[Outcome, ...]) -> "Observed":
        """The same look where nothing happened since but these effects: what was retired is gone, what was pulled is there."""
        hosts = {name: host.after([o.effect for o in outcomes]) for name, host in self.hosts.items()}
        return replace(self.used(), hosts=hosts, outcomes=outcomes)
