"""What both roads, forward and back, do on one host: bring replicas up, keep evidence about them, let the others go. Pure.

Blames nobody: `watch` says what went wrong with a replica, and its caller decides whether that matters.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.fleet.proxy import Site
from pipeline.rollout import health, traffic
from pipeline.rollout.deployment import ACTIVE, HostPlan, HostRecord, ReplicaRecord, Status
from pipeline.rollout.effects import Effect, Explain, Keep, Pull, Retire, Start
from pipeline.rollout.look import Fault, Look, life
from pipeline.rollout.observed import ReplicaSeen, ReplicaState
from pipeline.rollout.release import HealthCheck

KILLED = 137  # what init says of a process that got SIGKILL


@dataclass(frozen=True)
class Question:
    """One health sample (or the smoke requests) to be asked of one replica. `site`: from where; None: from here."""

    host: str
    site: Site | None
    container: str
    address: str
    check: HealthCheck
    smoke: bool = False


def questions(look: Look) -> tuple[Question, ...]:
    """The replicas to be asked now: those of the aim, on every host that this deployment has touched."""
    if look.aim is None or look.deployment.status not in ACTIVE or look.deployment.settled:
        return ()
    everywhere = look.deployment.status is Status.ROLLING_BACK
    plans = [p for p in look.deployment.hosts if everywhere or look.deployment.record(p.host).touched]
    return tuple(
        q for plan in plans for replica in look.standing(plan.host) for q in _ask(look, plan, replica)
    )


def _ask(look: Look, plan: HostPlan, replica: ReplicaSeen) -> list[Question]:
    check = look.aim.spec.health if look.aim else HealthCheck()
    record = evidence(look.deployment.record(plan.host), replica)
    admitted = look.deployment.record(plan.host).admitted_at is not None
    if not replica.address or not health.due(record, check, look.now, eager=not admitted):
        return []
    running = [s for s in traffic.sites_of(look.deployment, plan) if traffic.seen(look, s).running]
    site = running[0] if running else None
    asked = [Question(plan.host, site, replica.container, replica.address, check)]
    if record and not admitted and health.smoke_due(record, check):
        asked.append(replace(asked[0], smoke=True))
    return asked


def evidence(record: HostRecord, replica: ReplicaSeen) -> ReplicaRecord | None:
    """What is known about exactly this instance of a container."""
    identity = (replica.container, replica.started_at)
    return next((r for r in record.replicas if (r.container, r.started_at) == identity), None)


def sampled(look: Look, record: HostRecord, replica: ReplicaSeen) -> ReplicaRecord:
    """The replica's evidence with what this look adds; a first look only notes its identity."""
    known = evidence(record, replica)
    if known is None:
        known = ReplicaRecord(replica.index, replica.container, replica.started_at)
    sample = look.observed.samples.get(replica.container)
    smoke = look.observed.smoke.get(replica.container)
    known = health.count(known, sample) if sample else known
    return health.count_smoke(known, smoke) if smoke else known


def watch(look: Look, plan: HostPlan, record: HostRecord) -> tuple[HostRecord, Fault | None]:
    """Samples of the replicas that run, and the first one that ended or restarted by itself since the last look."""
    fault = next(filter(None, (_ended(look, record, r) for r in _judged(look, plan, record))), None)
    if fault is None:
        fault = _vanished(look, plan, record)
    kept = tuple(sampled(look, record, replica) for replica in look.standing(plan.host))
    return (record if fault or kept == record.replicas else replace(record, replicas=kept)), fault


def _judged(look: Look, plan: HostPlan, record: HostRecord) -> list[ReplicaSeen]:
    return [r for r in look.replicas(plan.host) if look.aimed(plan.host, r) and life(r) not in record.ignored]


def _ended(look: Look, record: HostRecord, replica: ReplicaSeen) -> Fault | None:
    release = look.aim.number if look.aim else 0
    name = f"replica {replica.index} of release {release}"
    if replica.state is ReplicaState.EXITED:
        return Fault(record.host, stage(record), f"{name} {ending(replica)}", replica.container)
    known = next((r for r in record.replicas if r.container == replica.container), None)
    if known is not None and known.started_at != replica.started_at:
        return Fault(record.host, stage(record), f"{name} restarted by itself", replica.container)
    return None


def ending(replica: ReplicaSeen) -> str:
    """An engine does not see what the kernel kills for want of memory in the first moments of a container's life."""
    cause = " (killed: out of memory, or by somebody)" if replica.exit_code == KILLED else ""
    return f"exited with code {replica.exit_code}" + (" (out of memory)" if replica.oom else cause)


def _vanished(look: Look, plan: HostPlan, record: HostRecord) -> Fault | None:
    there = {r.container for r in look.replicas(plan.host)}
    gone = next((r for r in record.replicas if r.container not in there), None)
    if gone is None:
        return None
    return Fault(record.host, stage(record), f"replica {gone.index} was removed by somebody else")


def stage(record: HostRecord) -> str:
    """The step of the host's road, in words."""
    if record.done:
        return "after its bake"
    if record.switched_at is not None:
        return "bake"
    return "gate" if record.admitted_at is None else "switch"


def bring_up(look: Look, plan: HostPlan) -> tuple[Effect, ...]:
    """Start what is missing, from the image that lies on the host; pull it when it does not."""
    have = {r.index for r in look.standing(plan.host)}
    missing = [index for index in range(look.count(plan.host)) if index not in have]
    if not missing or look.aim is None:
        return ()
    if look.aim.image not in look.host(plan.host).images:
        return (Pull(plan.host, look.aim.image),)
    return tuple(Start(plan.host, look.plan(index)) for index in missing)


def complete(look: Look, plan: HostPlan) -> bool:
    return look.aim is None or len(look.standing(plan.host)) == look.count(plan.host)


def keep(look: Look, plan: HostPlan) -> tuple[Effect, ...]:
    """Admitted replicas may be restarted by their engine from now on; before, that would hide a crash."""
    return tuple(Keep(plan.host, r.container) for r in look.standing(plan.host) if not r.restart_always)


def leftovers(look: Look, plan: HostPlan) -> tuple[ReplicaSeen, ...]:
    """Everything of this service and environment on the host that is not of the aim, dead ones included. A dead
    one of the aim without a running one in its place is not left over: it is missing."""
    standing = look.standing(plan.host)
    kept = {r.container for r in standing}
    filled = {r.index for r in standing}
    others = (r for r in look.replicas(plan.host) if r.container not in kept)
    return tuple(r for r in others if not look.aimed(plan.host, r) or r.index in filled)


def retire(look: Look, plan: HostPlan, record: HostRecord) -> tuple[Effect, ...]:
    """Stop what no site can send to any more; first take down the last words of the one that failed."""
    if record.culprit and not record.explained:
        there = any(r.container == record.culprit for r in look.replicas(plan.host))
        explain: tuple[Effect, ...] = (Explain(plan.host, record.culprit),) if there else ()
    else:
        explain = ()
    waiting = {e.container for e in explain if isinstance(e, Explain)}
    timeout = _stop_timeout(look)
    gone = [
        r for r in leftovers(look, plan) if r.container not in waiting and traffic.released(look, plan, r)
    ]
    return (*explain, *(Retire(plan.host, r.container, timeout(r)) for r in gone))


def _stop_timeout(look: Look) -> Callable[[ReplicaSeen], float]:
    releases = (look.deployment.release, look.deployment.previous)
    known = {release.number: release.spec.stop_timeout for release in releases if release}
    return lambda replica: known.get(replica.release, 10.0)
