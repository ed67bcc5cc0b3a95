"""The load balancer in front of a host's proxy: when the host is out of it, quiet, and in again. Pure.

| the host is …                    | by                                                                                |
|----------------------------------|-----------------------------------------------------------------------------------|
| out                              | the balancer's own word: parked or absent                                         |
| quiet                            | the host's own word, after the time that the balancer takes to obey: its proxy has |
|                                  | no request at this look (nothing new comes but health checks, so one such look is |
|                                  | enough); or the longest that the balancer lets a request last is over             |
| in                               | the balancer's own word: serving                                                  |

Being late is a fault; on the way back nobody gives up, and it only says what stands in the way.

A deployment that behaves never needs it with start-first: a proxy on the host takes the switch. What we parked we put
back; what somebody else parked stays so.
"""

from dataclasses import replace
from datetime import datetime

from pipeline.fleet.balancer import Capabilities, MemberState
from pipeline.rollout import traffic
from pipeline.rollout.deployment import Deployment, HostPhase, HostPlan, HostRecord
from pipeline.rollout.effects import Admit, Park
from pipeline.rollout.look import Fault, Look, Step, after, passed, soonest
from pipeline.rollout.observed import EntranceSeen

OUT = frozenset({MemberState.ABSENT, MemberState.PARKED})
UNSURE = frozenset({MemberState.DRAINING, MemberState.UNKNOWN})
PATIENCE = 120.0  # seconds for its API, beyond what its own settings say


def needed(deployment: Deployment) -> bool:
    """Must it be asked at all? Calls are counted and throttled."""
    if not deployment.load_balancer:
        return False
    owed = any(r.parked_at is not None or r.joined_at is not None for r in deployment.records)
    moves = any(not deployment.count(p) or p.before == 0 for p in deployment.hosts)
    return deployment.policy.stops_first or owed or moves


def behind(look: Look, plan: HostPlan) -> bool:
    """Does the load balancer send to a proxy on this very host?"""
    return bool(look.deployment.load_balancer) and plan.sites == (plan.host,)


def lets_in(look: Look, plan: HostPlan) -> bool:
    """True also when it was not looked at: then nobody of ours has changed it."""
    return look.observed.entrance is None or not behind(look, plan) or state(look, plan) not in OUT


def state(look: Look, plan: HostPlan) -> MemberState:
    seen = look.observed.entrance or EntranceSeen()
    if seen.capabilities is None:
        return MemberState.UNKNOWN
    found = seen.members.get(plan.host)
    return found.state if found else MemberState.ABSENT


def leave(look: Look, plan: HostPlan, record: HostRecord) -> Step | None:
    """On its way out; None when it is out and quiet, or was never behind it. Its record is journalled before a call."""
    if not behind(look, plan):
        return None
    now_is = state(look, plan)
    if now_is in OUT and (record.parked_at is None or _may_go(look, plan, record)):
        return None
    record = replace(record, phase=HostPhase.PARKING, entrance_by=record.entrance_by or _out_by(look))
    if now_is in OUT:
        record = replace(record, out_since=record.out_since or look.now)
        return Step(record, wake=soonest([_obeyed_at(look, record), _quiet_by(look, record)]))
    record = replace(record, out_since=None)
    late = _stuck(look, plan, "park") if passed(record.entrance_by, look.now) else None
    if now_is in UNSURE or (late and not look.going_back):
        return Step(record, fault=late, wake=record.entrance_by)
    record = replace(record, parked_at=record.parked_at or look.now)
    park = Park(plan.host, look.deployment.load_balancer, _keep(look))
    return Step(record, (park,), fault=late, wake=record.entrance_by)


def let_in_again(look: Look, plan: HostPlan, record: HostRecord) -> bool:
    """Did somebody let it in while it leaves?"""
    return record.leaving_at is not None and behind(look, plan) and state(look, plan) not in {*OUT, *UNSURE}


def enter(look: Look, plan: HostPlan, record: HostRecord) -> Step | None:
    """On its way in; None when it is in, or when it is not for us to let it in."""
    if not (record.parked_at or record.joined_at or _joins(look, plan)):
        return None
    if state(look, plan) is MemberState.SERVING:
        return None
    if record.parked_at is None:
        record = replace(record, joined_at=record.joined_at or look.now)
    capabilities = _capabilities(look)
    if record.entrance_by is None and capabilities:
        time = capabilities.healthy_after + capabilities.settle + PATIENCE
        record = replace(record, entrance_by=look.later(time))
    late = _stuck(look, plan, "admit") if passed(record.entrance_by, look.now) else None
    record = replace(record, phase=HostPhase.ADMITTING)
    waiting = state(look, plan) in (MemberState.STARTING, MemberState.FAILING, MemberState.UNKNOWN)
    effects = () if waiting else (Admit(plan.host, look.deployment.load_balancer),)
    return Step(record, effects, fault=late, wake=record.entrance_by)


def entered(record: HostRecord) -> HostRecord:
    """Nothing is owed any more."""
    return replace(record, parked_at=None, out_since=None, entrance_by=None)


def unfit(look: Look, plan: HostPlan) -> str:
    """Why this host could not be parked, so that it is known before anything is touched."""
    seen = look.observed.entrance
    if seen is None or seen.capabilities is None or not behind(look, plan):
        return ""
    member = seen.members.get(plan.host)
    if member is None or member.ours:
        return ""
    name = look.deployment.load_balancer
    return (
        f"it is a member of load balancer {name} without our mark, so it may not be parked; "
        f"mark it as docs/load-balancers.md says, or roll start-first"
    )


def blind(look: Look) -> str:
    """Why the load balancer cannot be read, when it must be; empty when it can."""
    seen = look.observed.entrance
    if seen is None or seen.capabilities is not None:
        return ""
    return f"load balancer {look.deployment.load_balancer}: {seen.error or 'it was not looked at'}"


def owed(deployment: Deployment) -> str:
    """The hosts that are still parked, in a sentence; empty when there are none."""
    here = {p.host for p in deployment.hosts if deployment.count_before(p)}
    hosts = [r.host for r in deployment.records if r.parked_at is not None and r.host in here]
    if not hosts:
        return ""
    return f"Still parked in load balancer {deployment.load_balancer}: {', '.join(hosts)}; deploying again puts them back."


def expel(look: Look, plan: HostPlan, record: HostRecord) -> Step | None:
    """A host that the environment does not use (any more): out of the load balancer before its proxy has nothing to
    send to. None when it is, or when it never was in."""
    if look.going_back and record.joined_at is None:
        return None
    return leave(look, plan, record)


def _joins(look: Look, plan: HostPlan) -> bool:
    return behind(look, plan) and plan.before == 0 and not look.going_back


def _may_go(look: Look, plan: HostPlan, record: HostRecord) -> bool:
    """Quiet; or no request can last any longer."""
    calm = all(traffic.quiet(look, site) for site in traffic.sites_of(look.deployment, plan))
    return (calm and passed(_obeyed_at(look, record), look.now)) or passed(_quiet_by(look, record), look.now)


def _obeyed_at(look: Look, record: HostRecord) -> datetime | None:
    """From then on its data path sends nothing new."""
    capabilities = _capabilities(look)
    if record.out_since is None or capabilities is None:
        return None
    return after(record.out_since, capabilities.settle)


def _quiet_by(look: Look, record: HostRecord) -> datetime | None:
    return record.parked_at and after(record.parked_at, _longest(look))


def _out_by(look: Look) -> datetime:
    return look.later(_longest(look) + PATIENCE)


def _longest(look: Look) -> float:
    """Seconds that a request may still be under way after a park."""
    capabilities, drain = _capabilities(look), look.deployment.policy.drain_timeout
    return max(capabilities.drain, drain) + capabilities.settle if capabilities else drain


def _capabilities(look: Look) -> Capabilities | None:
    return look.observed.entrance.capabilities if look.observed.entrance else None


def _keep(look: Look) -> int:
    return look.deployment.policy.needed_of(len(look.deployment.staying))


def _stuck(look: Look, plan: HostPlan, step: str) -> Fault:
    name = look.deployment.load_balancer
    note = next((t.note for t in look.deployment.troubles if t.where == f"load balancer {name}"), "")
    seen = look.observed.entrance
    member = seen.members.get(plan.host) if seen else None
    words = note or (seen.error if seen else "") or (member.reason if member else "")
    return Fault(
        plan.host, step, f"load balancer {name} has it as {state(look, plan)}{': ' * bool(words)}{words}"
    )
