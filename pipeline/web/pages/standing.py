"""How one environment stands: what is live of it, how well, and what is happening to it. Nouns and rules over answers.

attention   it is down, lacks replicas, cannot be rolled back, or its last run or deployment failed
held        something waits for a person, a window or the end of a freeze
moving      a run or a deployment is under way
well        live, and as it should be
empty       nothing was ever live
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.rollout.condition import Condition
from pipeline.rollout.observed import ReplicaState
from pipeline.web.fleet_answers import EnvironmentAnswer, ProxyAnswer, ReplicaAnswer


class Group(StrEnum):
    ATTENTION = "attention"
    HELD = "held"
    MOVING = "moving"
    WELL = "well"
    EMPTY = "empty"


GROUPS = {
    Condition.SICK: Group.ATTENTION,
    Condition.HELD: Group.HELD,
    Condition.MOVING: Group.MOVING,
    Condition.BACK: Group.ATTENTION,
    Condition.WELL: Group.WELL,
    Condition.EMPTY: Group.EMPTY,
}


class Health(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    EMPTY = "not deployed"


@dataclass(frozen=True)
class Replicas:
    """`ready` None: nobody was asked yet. `silent`: hosts that do not answer."""

    wanted: int
    ready: int | None = None
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Live:
    """The release that serves. `title` is its commit's first line; `since`: when it was found good here."""

    release: int
    commit: str
    title: str
    since: datetime | None


@dataclass(frozen=True)
class Motion:
    """Something under way, and how far it is: stages of a run, hosts of a deployment. `blocked`: why it cannot go on; `held`:
    for what a run waits, which goes on `until` then. `command`: what lets it go on now; empty where nothing is to do."""

    path: str
    kind: str  # run, deployment
    number: int
    state: str
    step: str
    where: str  # a host; empty
    done: int
    total: int
    since: datetime
    release: int | None = None
    title: str = ""
    blocked: str = ""
    held: str = ""
    until: datetime | None = None
    command: str = ""


@dataclass(frozen=True)
class Failure:
    """What ended badly last, with nothing after it."""

    path: str
    kind: str
    number: int
    state: str
    error: str
    at: datetime | None


@dataclass(frozen=True)
class Standing:
    service: str
    environment: str
    condition: Condition
    live: Live | None
    replicas: Replicas
    motion: Motion | None
    failure: Failure | None

    @property
    def health(self) -> Health:
        return health_of(self.live is not None, self.replicas)

    @property
    def group(self) -> Group:
        if self.health in (Health.DOWN, Health.DEGRADED) or self.failure is not None:
            return Group.ATTENTION
        return GROUPS[self.condition]

    @property
    def rank(self) -> int:
        """The worst first."""
        if self.health is Health.DOWN:
            return 0
        return 1 if self.health is Health.DEGRADED else 2 + list(Group).index(self.group)

    @property
    def anchor(self) -> str:
        return f"{self.service}-{self.environment}"


def health_of(live: bool, replicas: Replicas) -> Health:
    if not live:
        return Health.EMPTY
    if replicas.ready is None:
        return Health.UNKNOWN
    if replicas.ready >= replicas.wanted and not replicas.silent:
        return Health.HEALTHY
    return Health.DEGRADED if replicas.ready else Health.DOWN


def replicas_of(wanted: int, seen: EnvironmentAnswer | None, live: int | None) -> Replicas:
    """Ready: it runs, is of the live release, is not called unhealthy by its engine, and a proxy sends to it if there is one."""
    if seen is None or live is None:
        return Replicas(wanted)
    silent = tuple(host.host for host in seen.hosts if not host.reachable and host.placed)
    routed = _routed(seen.proxies)
    ready = [r for host in seen.hosts for r in host.replicas if _is_ready(r, live, routed)]
    return Replicas(wanted, min(len(ready), wanted), silent)


def _is_ready(replica: ReplicaAnswer, live: int, routed: frozenset[str] | None) -> bool:
    runs = replica.release == live and replica.state is ReplicaState.RUNNING and replica.health != "unhealthy"
    return runs and (routed is None or replica.address in routed)


def _routed(proxies: list[ProxyAnswer]) -> frozenset[str] | None:
    """None: no proxy has a say."""
    asked = [proxy for proxy in proxies if not proxy.error]
    if not asked:
        return None
    return frozenset(b.address for proxy in asked for b in proxy.backends if b.state == "ready")
