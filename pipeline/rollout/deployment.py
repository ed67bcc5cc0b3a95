"""One release on its way onto one environment: the record that is journalled. Evidence and absolute clocks, no steps.

Everything that `decide` must remember between two looks stands here, so that a new owner after a crash just looks and goes on.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from pipeline.fleet.metric import Reading
from pipeline.rollout.policy import Policy
from pipeline.rollout.release import Release
from pipeline.rollout.tally import Tally


class Status(StrEnum):
    PENDING = "pending"
    PREPARING = "preparing"
    ROLLING = "rolling"
    PAUSED = "paused"
    AWAITING_PROMOTION = "awaiting_promotion"
    ROLLING_BACK = "rolling_back"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.ROLLED_BACK, Status.SUPERSEDED, Status.CANCELLED})
ACTIVE = frozenset(set(Status) - FINAL - {Status.PENDING})


class Reason(StrEnum):
    PUSH = "push"
    MANUAL = "manual"
    ROLLBACK = "rollback"
    AUTO_ROLLBACK = "auto-rollback"
    SCALE = "scale"
    MIGRATE = "migrate"


class Request(StrEnum):
    """What a person asked of a deployment; kept until `decide` has obeyed."""

    NONE = ""
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    APPROVE = "approve"
    ABORT = "abort"


class HostPhase(StrEnum):
    """For people only; `decide` derives it from what it sees."""

    WAITING = "waiting"
    PULLING = "pulling"
    STARTING = "starting"
    CHECKING = "checking"
    SWITCHING = "switching"
    PARKING = "parking"
    DRAINING = "draining"
    ADMITTING = "admitting"
    BAKING = "baking"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    RESTORING = "restoring"
    RESTORED = "restored"


@dataclass(frozen=True)
class ReplicaRecord:
    """Evidence about one replica of the release that is being brought up."""

    index: int
    container: str
    started_at: str
    good: int = 0  # consecutive
    bad: int = 0  # consecutive
    good_since: datetime | None = None
    sampled_at: datetime | None = None
    smoked: bool = False
    smoke_bad: int = 0  # consecutive
    unknown_since: datetime | None = None  # since then it could not be asked
    note: str = ""  # what the last probe saw


@dataclass(frozen=True)
class HostRecord:
    """One host's part of a deployment."""

    host: str
    phase: HostPhase = HostPhase.WAITING
    error: str = ""
    touched: bool = False
    canary: bool = False  # went first, and bakes as one
    boot: str = ""
    health_by: datetime | None = None
    replicas: tuple[ReplicaRecord, ...] = ()
    switched_at: datetime | None = None
    drain_by: datetime | None = None
    bake_until: datetime | None = None
    lost_at: datetime | None = None  # unreachable since
    done: bool = False
    admitted_at: datetime | None = None  # passed its gate; from here on its sites should route to it
    ignored: tuple[str, ...] = ()  # `container@started_at` found dead when touched, or killed by a reboot
    reboots: int = (
        0  # deaths that blame nobody: of the engine on the road forward, of old replicas on the road back
    )
    start_after: datetime | None = None  # on the road back: a replica that died is not started again before
    culprit: str = ""  # the container that failed
    parked_at: datetime | None = None  # we took it out of its load balancer, and owe it its place
    joined_at: datetime | None = None  # new to the environment: we let it into the load balancer
    out_since: datetime | None = None  # parked, by the load balancer's own word, at every look since
    leaving_at: datetime | None = None  # stop-first: from here on nothing is routed to what ran here before
    entrance_by: datetime | None = None  # the load balancer obeys by then, on the way out or in
    explained: bool = False  # its last words are in the history
    pruned: bool = False
    tallies: tuple[Tally, ...] = ()  # what proxies counted for the replicas of this host


@dataclass(frozen=True)
class Trouble:
    """Infrastructure that misbehaves: tried again from `retry_at` on, with growing pauses, until a deadline passes."""

    where: str  # a host, or a site as text
    note: str
    since: datetime
    retry_at: datetime
    tries: int = 1


@dataclass(frozen=True)
class HostPlan:
    """Where this environment runs: a host, and the hosts of the proxy sites that front its replicas.

    A proxy on each host: `sites` is the host itself. A proxy on hosts of its own: those. No proxy: empty.
    `replicas` 0: the environment leaves this host. `before` is what it had, for the way back; None: not known.
    """

    host: str
    sites: tuple[str, ...] = ()
    region: str = ""
    replicas: int | None = None  # None: as many as the deployment's `replicas`
    before: int | None = None
    why: str = ""  # for people: what decided that number


@dataclass(frozen=True)
class Deployment:
    """A row of the store. `generation` grows when the desired release turns (a failure turns it to `previous`)."""

    id: int
    service: str
    environment: str
    release: Release
    previous: Release | None
    reason: Reason
    status: Status
    created_at: datetime
    policy: Policy
    hosts: tuple[HostPlan, ...]
    replicas: int = 1
    proxy: str = ""
    load_balancer: str = ""
    domain: str = ""
    requested_by: str = ""
    run: int | None = None
    request: Request = Request.NONE
    request_no: int = 0  # which request this record carries: the store never wipes out a newer one
    blocked: str = ""  # why a rollback cannot finish yet
    error: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    prepare_by: datetime | None = None
    bake_until: datetime | None = None  # the fleet's
    settled: bool = False  # the verdict is good; only the old replicas remain to be stopped
    hooks: dict[str, str] = field(default_factory=dict)  # those that were run; why one failed, else empty
    hook_by: datetime | None = None  # the engine has run it by then, or it is left out
    failed_at: datetime | None = None
    paused_at: datetime | None = None
    finish_by: datetime | None = None  # until then old replicas are awaited before the verdict is final
    promoted: bool = False  # a person took it to all hosts: nobody is asked any more
    approved: int = 0  # so many hosts had been touched when a person said that more may follow
    approve_by: datetime | None = None  # while it waits for a person
    previous_replicas: int = 0  # seen before, on hosts whose plan does not know it; 0: as many as `replicas`
    checked: tuple[str, ...] = ()  # sites whose configuration was found to load
    troubles: tuple[Trouble, ...] = ()
    records: tuple[HostRecord, ...] = ()
    readings: tuple[Reading, ...] = ()  # the latest, one a criterion
    unread_since: datetime | None = None  # a criterion cannot be read
    attributes: dict[str, str] = field(default_factory=dict)

    def record(self, host: str) -> HostRecord:
        return self._recorded.get(host) or HostRecord(host)

    def trouble(self, where: str) -> Trouble | None:
        return self._troubled.get(where)

    @cached_property
    def _recorded(self) -> dict[str, HostRecord]:
        return {record.host: record for record in reversed(self.records)}

    @cached_property
    def _troubled(self) -> dict[str, Trouble]:
        return {trouble.where: trouble for trouble in reversed(self.troubles)}

    def count(self, plan: HostPlan) -> int:
        """How many replicas of the release the host should have."""
        return self.replicas if plan.replicas is None else plan.replicas

    def count_before(self, plan: HostPlan) -> int:
        """How many of the previous release it had."""
        return (self.previous_replicas or self.replicas) if plan.before is None else plan.before

    @cached_property
    def staying(self) -> tuple[HostPlan, ...]:
        """Hosts on which the environment runs when all went well. `min_healthy` and `batch` are about these."""
        return tuple(plan for plan in self.hosts if self.count(plan))

    def places(self, before: dict[str, int]) -> dict[str, int]:
        """Where the environment runs after this one, if it ran at `before` (empty: not known). 0: on a host that did
        not answer when it was left, there may still be something."""
        if self.settled or self.status is Status.SUCCEEDED:
            silent = {r.host for r in self.records if r.phase is HostPhase.SKIPPED or r.lost_at is not None}
            return {p.host: self.count(p) for p in self.hosts if self.count(p) or p.host in silent}
        touched = {r.host: 0 for r in self.records if r.touched}
        if touched and not before and self.previous is not None:
            before = {p.host: self.count_before(p) for p in self.hosts}
        return {**touched, **before}

    def after(self, good: "Deployment") -> "Deployment":
        """A pending one, when another of its environment has become good: it would go back to that."""
        before = good.places({})
        hosts = tuple(replace(p, before=before.get(p.host, 0)) for p in self.hosts)
        return replace(self, previous=good.release, hosts=hosts)

    @property
    def over(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class DeploymentSummary:
    """How a deployment stands or ended: for lists of many places. `good`: its release was found good; `error`: why it
    was not, of one that did not succeed."""

    id: int
    release: int
    status: Status
    created_at: datetime
    finished_at: datetime | None = None
    good: bool = False
    error: str = ""

    @property
    def over(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class EnvironmentState:
    """What the books say is live. `replicas` None: as the operator's file says.

    `placed` are the hosts it runs on and how many replicas each has (0: it was left while it was silent; all empty: not
    known); `moved`, where people moved it: host -> "in" or "out".
    """

    service: str
    environment: str
    live: int | None = None
    last_good: int | None = None
    replicas: int | None = None
    placed: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Happening:
    """One line of a deployment's history, kept for people and for audit."""

    at: datetime
    kind: str
    text: str
    host: str = ""
