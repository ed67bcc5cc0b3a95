"""Compares the new release with the one before it by what their proxies saw: 5xx answers and time to answer. Pure.

| figures                                          | what they mean                                                |
|--------------------------------------------------|---------------------------------------------------------------|
| fewer than `min_requests`, or none               | nothing, neither good nor bad: health alone decides, and the  |
|                                                  | history says so                                               |
| 5xx above the other's share by more than `errors`| a fault, as soon as chance cannot explain it                  |
| mean above `latency` times the other's           | a fault, once the bake is over: a cold start is no verdict    |

The other release is judged by the same sites since this rollout began: on this host before its switch, and on hosts that
still serve it. Without figures of it `errors` is an absolute limit, and times are not compared. Outages of a host never count.
"""

from dataclasses import replace

from pipeline.fleet.proxy import BackendSeen
from pipeline.rollout import traffic
from pipeline.rollout.deployment import Deployment, HostPlan, HostRecord, Status
from pipeline.rollout.look import Fault, Look
from pipeline.rollout.policy import Compare
from pipeline.rollout.tally import Figures, Tally, together

WATCHED = frozenset({Status.PREPARING, Status.ROLLING, Status.PAUSED, Status.AWAITING_PROMOTION})
FLOOR = (
    0.3  # seconds; a mean that grew by less may be a busy machine (a build beside it), and few people notice
)


def counted(look: Look) -> Look:
    """The look with what the sites have counted since the last one, in the record, so that a crash loses nothing."""
    deployment = look.deployment
    if deployment.status not in WATCHED or deployment.settled or not compares(deployment):
        return look
    said = _said_of_hosts(look)
    return look.with_records(_counted(look, plan, said.get(plan.host, [])) for plan in deployment.hosts)


def verdict(look: Look) -> Fault | None:
    """The first host, else all of them together, on which the new release is worse than it may be."""
    deployment = look.deployment
    if not compares(deployment):
        return None
    old = former(deployment)
    judged = [r for r in deployment.records if r.admitted_at is not None and _here(look, r)]
    for record in judged:
        why = _worse(deployment, figures(deployment, [record]), old, ripe=record.done)
        if why:
            return _fault(record, why)
    everywhere = figures(deployment, judged)
    why = _worse(deployment, everywhere, old, ripe=all(r.done for r in judged))
    worst = max(judged, key=lambda r: figures(deployment, [r]).errors, default=None)
    return _fault(worst, f"{why} (all hosts together)") if worst and why else None


def compares(deployment: Deployment) -> bool:
    """Off, or the same release with other numbers: there is nothing to compare."""
    old = deployment.previous
    return deployment.policy.compare is not None and (old is None or old.number != deployment.release.number)


def figures(deployment: Deployment, records: list[HostRecord]) -> Figures:
    """Of the new release on these hosts."""
    return _of(deployment.release.number, records)


def former(deployment: Deployment) -> Figures:
    """Of the release before it, wherever it serves or served."""
    old = deployment.previous
    return _of(old.number, list(deployment.records)) if old else Figures()


def summary(deployment: Deployment, records: list[HostRecord]) -> str:
    """For people, when a host or all of them passed: the figures, or why there is nothing to compare."""
    rules = deployment.policy.compare
    if rules is None or not compares(deployment):
        return ""
    if not deployment.proxy:
        return "no proxy counts its requests, so health alone decided"
    new, old = figures(deployment, records), former(deployment)
    if new.requests < rules.min_requests:
        return f"{new.requests} requests are too few to compare ({rules.min_requests} needed), so health alone decided"
    return f"{_said(new)} ({_said_of_old(deployment, old, rules)})"


def promise(deployment: Deployment) -> str:
    """For a plan: what will be compared."""
    rules = deployment.policy.compare
    if rules is None or not compares(deployment) or not deployment.proxy:
        return ""
    if deployment.previous is None:
        return f"at most {_percent(rules.errors)} of its answers may be 5xx"
    old = f"release {deployment.previous.number}"
    return f"at most {_percent(rules.errors)} more 5xx answers than {old}, and {rules.latency:g} times its mean time"


# ------------------------------------------------------------------------------------------------ evidence


def _said_of_hosts(look: Look) -> dict[str, list[tuple[Tally, BackendSeen]]]:
    """What the sites say of each host's replicas, with an empty tally each: every site is read once."""
    found: dict[str, list[tuple[Tally, BackendSeen]]] = {}
    for site in traffic.sites(look.deployment):
        seen = {b.address: b for b in traffic.seen(look, site).backends}
        for backend in traffic.booked(look, site):
            said = seen.get(backend.address)
            if said is not None and said.requests is not None:
                tally = Tally(str(site), backend.address, backend.release)
                found.setdefault(backend.host, []).append((tally, said))
    return found


def _counted(look: Look, plan: HostPlan, said_of_it: list[tuple[Tally, BackendSeen]]) -> HostRecord:
    record = look.deployment.record(plan.host)
    if not look.host(plan.host).reachable:
        return record
    void = record.lost_at is not None or record.boot not in ("", look.host(plan.host).boot)
    known = {(tally.site, tally.address): tally for tally in record.tallies}
    for empty, said in said_of_it:
        key = empty.site, empty.address
        before = known.get(key) or _first(look, record, empty, said)
        known[key] = before.counted(said, void or _not_in(look, record, before))
    mine = tuple(tally for tally in known.values() if tally.release in _numbers(look.deployment))
    return record if mine == record.tallies else replace(record, tallies=mine)


def _first(look: Look, record: HostRecord, tally: Tally, said: BackendSeen) -> Tally:
    """Where counting begins: at nothing for a replica that we admitted, at what is there already for all others."""
    if record.admitted_at is not None and tally.release == look.deployment.release.number:
        return tally
    return replace(tally, at_requests=said.requests or 0, at_errors=said.errors or 0)


def _not_in(look: Look, record: HostRecord, tally: Tally) -> bool:
    """It begins anew after a restart of its host: what its old address answers meanwhile says nothing about it."""
    return tally.release == look.deployment.release.number and record.admitted_at is None


def _numbers(deployment: Deployment) -> set[int]:
    return {release.number for release in (deployment.release, deployment.previous) if release}


def _of(number: int, records: list[HostRecord]) -> Figures:
    return together(t for record in records for t in record.tallies if t.release == number)


def _here(look: Look, record: HostRecord) -> bool:
    return record.lost_at is None and look.host(record.host).reachable


# ------------------------------------------------------------------------------------------------ verdict


def _worse(deployment: Deployment, new: Figures, old: Figures, ripe: bool) -> str:
    """Why it may not go on; empty when it may."""
    rules = deployment.policy.compare
    if rules is None or new.requests < rules.min_requests:
        return ""
    known = old.requests >= rules.min_requests
    before = old.share if known else 0.0
    if new.share > before + rules.errors and new.surely > before:
        return f"{_failed(deployment, new)}{_before(deployment, old) if known else _unknown(rules)}"
    if ripe and known and _slower(new, old, rules):
        return f"{_took(deployment.release.number, new)}, {_took(_old(deployment), old)}"
    return ""


def _slower(new: Figures, old: Figures, rules: Compare) -> bool:
    if new.mean is None or old.mean is None:
        return False
    return new.mean > old.mean * rules.latency and new.mean - old.mean > FLOOR


def _fault(record: HostRecord, why: str) -> Fault:
    container = record.replicas[0].container if record.replicas else ""
    return Fault(record.host, "bake", why, container)


# ------------------------------------------------------------------------------------------------ words


def _failed(deployment: Deployment, new: Figures) -> str:
    number = deployment.release.number
    return f"{new.errors} of {new.requests} requests to release {number} ended in 5xx ({_percent(new.share)})"


def _before(deployment: Deployment, old: Figures) -> str:
    return f", {_percent(old.share)} of {old.requests} with release {_old(deployment)}"


def _unknown(rules: Compare) -> str:
    return f"; {_percent(rules.errors)} is the limit, as too few requests to an earlier release were seen to compare with"


def _took(number: int, of: Figures) -> str:
    return f"release {number} took {_milliseconds(of)} on average over {of.requests} requests"


def _old(deployment: Deployment) -> int:
    return deployment.previous.number if deployment.previous else 0


def _said(of: Figures) -> str:
    mean = "" if of.mean is None else f", {_milliseconds(of)} on average"
    return f"{of.requests} requests, {_percent(of.share)} ended in 5xx{mean}"


def _said_of_old(deployment: Deployment, old: Figures, rules: Compare) -> str:
    if old.requests < rules.min_requests:
        return f"too few to an earlier release to compare with: at most {_percent(rules.errors)} may fail"
    return f"release {_old(deployment)}: {_said(old)}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %".replace(".0 %", " %")


def _milliseconds(of: Figures) -> str:
    return f"{(of.mean or 0.0) * 1000:.0f} ms"
