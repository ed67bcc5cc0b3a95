"""Tells what a decision changed, as lines of a deployment's history. Pure; for people only, nothing is decided from it."""

from collections.abc import Iterator
from datetime import datetime

from pipeline.rollout import compare
from pipeline.rollout.deployment import Deployment, Happening, HostPhase, HostRecord, Status
from pipeline.rollout.measure import said

PHASES = {
    HostPhase.PULLING: "pulling the image of release {n}",
    HostPhase.PARKING: "being taken out of the load balancer",
    HostPhase.ADMITTING: "its load balancer lets the host in again",
    HostPhase.STARTING: "starting release {n}",
    HostPhase.CHECKING: "release {n} runs; waiting until it is well",
    HostPhase.SWITCHING: "release {n} is well; switching the proxy",
    HostPhase.DRAINING: "what runs there goes out of rotation",
    HostPhase.BAKING: "release {n} is in rotation; watching it",
    HostPhase.DONE: "release {n} is in and well",
    HostPhase.RESTORING: "going back to release {old}",
    HostPhase.RESTORED: "back on release {old}",
}


def changes(before: Deployment, now_is: Deployment, now: datetime) -> tuple[Happening, ...]:
    """Status first, then the hosts in the plan's order."""
    lines = [*_status(before, now_is, now)]
    staying = {plan.host for plan in now_is.staying}
    for record in now_is.records:
        lines.extend(_host(before.record(record.host), record, now_is, now, record.host in staying))
    return tuple(lines)


def _status(before: Deployment, now_is: Deployment, now: datetime) -> Iterator[Happening]:
    if now_is.status is not before.status:
        why = f": {now_is.error}" if now_is.error and now_is.status is not Status.ROLLING else ""
        if now_is.status is Status.AWAITING_PROMOTION:
            why = _asks(now_is)
        yield Happening(now, "status", f"{now_is.status.replace('_', ' ')}{why}")
    if now_is.settled and not before.settled:
        seen = _seen(now_is, [r for r in now_is.records if r.touched])
        text = f"release {now_is.release.number} is good; the old replicas may go{seen}"
        yield Happening(now, "settled", text)
        yield from (Happening(now, "metric", said(reading)) for reading in now_is.readings)
    if now_is.unread_since and not before.unread_since:
        why = "; ".join(said(reading) for reading in now_is.readings if reading.error)
        yield Happening(now, "metric", f"{why}. No further host begins until it answers")
    if now_is.blocked and now_is.blocked != before.blocked:
        yield Happening(now, "blocked", now_is.blocked)
    if before.request and not now_is.request:
        yield Happening(now, "request", f"asked to {before.request}")


def _asks(deployment: Deployment) -> str:
    wishes = (("approve", "for the next batch"), ("promote", "for all hosts"), ("abort", "to go back"))
    text = ", ".join(f"`shipway {wish} {deployment.id}` {what}" for wish, what in wishes)
    until = deployment.approve_by
    return f": {text}" + (f"; at {until:%Y-%m-%d %H:%M} UTC it goes back by itself" if until else "")


def _host(
    before: HostRecord, record: HostRecord, deployment: Deployment, now: datetime, stays: bool
) -> Iterator[Happening]:
    if record.lost_at is not None and before.lost_at is None:
        yield Happening(now, "lost", "it does not answer", record.host)
    if before.lost_at is not None and record.lost_at is None:
        yield Happening(now, "found", "it answers again", record.host)
    if record.phase is before.phase:
        return
    if record.phase in (HostPhase.FAILED, HostPhase.SKIPPED):
        yield Happening(now, record.phase, record.error, record.host)
    elif record.phase in PHASES:
        old = deployment.previous.number if deployment.previous else "none"
        text = PHASES[record.phase].format(n=deployment.release.number, old=old)
        if record.phase is HostPhase.DONE and not stays:
            text = "nothing is sent here any more"
        elif record.phase is HostPhase.DONE and record.touched:
            text += _seen(deployment, [record])
        yield Happening(now, record.phase, text, record.host)


def _seen(deployment: Deployment, records: list[HostRecord]) -> str:
    """What was compared; a host that was never touched has nothing to show."""
    said = compare.summary(deployment, records) if records else ""
    return f": {said}" if said else ""
