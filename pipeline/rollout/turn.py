"""The turns of a deployment: a failure, a person's request, a pause and its end. Pure; each is one change of the record.

Which status follows stands in `states`; here stands what else changes with it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from pipeline.rollout import entrance
from pipeline.rollout.deployment import Deployment, HostPhase, HostRecord, Request, Status
from pipeline.rollout.effects import Admit, CheckProxy, Effect, Park, Pull, RunHook, Start, Switch
from pipeline.rollout.look import Decision, Fault, Look, after, passed, with_records
from pipeline.rollout.observed import Outcome, Verdict
from pipeline.rollout.policy import OnFailure
from pipeline.rollout.release import Hook
from pipeline.rollout.states import Event, move

STEPS: dict[type[Effect], str] = {
    Pull: "pull",
    Start: "start",
    Switch: "switch",
    CheckProxy: "proxy check",
    Park: "park",
    Admit: "admit",
}
GIVE_UP_AFTER = 60.0  # seconds on the way back before a person's abort leaves a blocked one as it stands
ON_FAILURE = {OnFailure.ROLLBACK: Event.FAILED, OnFailure.STOP: Event.HALTED, OnFailure.PAUSE: Event.PAUSED}


def refused(look: Look) -> Fault | None:
    """The first effect that the world refused, or that showed the release's own fault."""
    bad = (o for o in look.observed.outcomes if o.verdict in (Verdict.REFUSED, Verdict.FAULT))
    return next((Fault(o.effect.where, _step(o), o.note) for o in bad if _step(o)), None)


def _step(outcome: Outcome) -> str:
    """Its name; empty for what may go wrong without harm, such as the hooks after the deployment."""
    if isinstance(outcome.effect, RunHook):
        return outcome.effect.hook if outcome.effect.hook is Hook.BEFORE_DEPLOY else ""
    return STEPS.get(type(outcome.effect), "")


def fail(look: Look, fault: Fault) -> Decision:
    """A failure while rolling turns everything at once: status, error, and every host's clocks and evidence."""
    deployment = look.deployment
    event = ON_FAILURE[deployment.policy.on_failure]
    if event is Event.PAUSED:
        return Decision(_held(look, fault))
    deployment = replace(
        deployment,
        status=move(deployment.status, event),
        error=str(fault),
        failed_at=look.now,
        finished_at=look.now if event is Event.HALTED else None,
    )
    if event is Event.HALTED:
        words = " ".join(filter(None, (deployment.error, entrance.owed(deployment))))
        return Decision(_marked(replace(deployment, error=words), fault))
    return Decision(_turned(deployment, fault))


def expire(look: Look) -> Decision:
    """Nobody said that more hosts may follow: the safe answer is where it was, whatever `on_failure` says."""
    deployment = look.deployment
    within = deployment.policy.approve_within
    fault = Fault("", "approval", f"nobody approved it within {within:g} s, so it goes back")
    status = move(deployment.status, Event.EXPIRED)
    turned = replace(deployment, status=status, error=str(fault), failed_at=look.now)
    return Decision(_turned(turned, fault))


def _held(look: Look, fault: Fault) -> Deployment:
    """on_failure: pause. Everything stays as it is until a person resumes or aborts."""
    deployment = look.deployment
    if deployment.status is not Status.PAUSED:
        deployment = replace(deployment, status=move(deployment.status, Event.PAUSED), paused_at=look.now)
    return _marked(replace(deployment, error=str(fault), failed_at=look.now), fault)


def _marked(deployment: Deployment, fault: Fault) -> Deployment:
    records = [
        replace(r, phase=HostPhase.FAILED, error=fault.why, culprit=fault.container)
        for r in deployment.records
        if r.host == fault.host
    ]
    return with_records(deployment, records)


def _turned(deployment: Deployment, fault: Fault) -> Deployment:
    """Every host begins anew towards the previous release; only who failed, and where we have been, is remembered."""
    marked = _marked(deployment, fault)
    records = [
        HostRecord(
            r.host,
            phase=r.phase if r.phase is HostPhase.FAILED else HostPhase.RESTORING,
            error=r.error,
            touched=r.touched,
            boot=r.boot,
            lost_at=r.lost_at,
            culprit=r.culprit,
            parked_at=r.parked_at,
            joined_at=r.joined_at,
        )
        for r in marked.records
    ]
    calm = replace(marked, troubles=(), bake_until=None, paused_at=None, approve_by=None)
    return with_records(calm, records)


# ------------------------------------------------------------------------------------------------ requests


def obey(look: Look) -> Decision | None:
    """What a person's request changes; None while there is none, or while it must wait for its time."""
    deployment = look.deployment
    if deployment.request is Request.NONE or _must_wait(look):
        return None
    obeyed = replace(deployment, request=Request.NONE)
    act = REQUESTS.get((deployment.status, deployment.request))
    if act is None or deployment.settled:
        return Decision(obeyed)
    return act(Look(obeyed, look.observed, look.now))


def _must_wait(look: Look) -> bool:
    """A pause before the rolling begins; an abort of the way back, until that has been blocked for long."""
    deployment = look.deployment
    early = deployment.status in (Status.PENDING, Status.PREPARING) and deployment.request is Request.PAUSE
    going = deployment.status is Status.ROLLING_BACK and deployment.request is Request.ABORT
    hopeless = deployment.blocked and passed(after(deployment.failed_at or look.now, GIVE_UP_AFTER), look.now)
    return early or (going and not hopeless)


def pause(look: Look, why: str) -> Decision:
    """Nothing failed, but a person must look before it goes on."""
    held = _pause(look).deployment
    return Decision(replace(held, error=why))


def _pause(look: Look) -> Decision:
    status = move(look.deployment.status, Event.PAUSED)
    return Decision(replace(look.deployment, status=status, paused_at=look.now))


def _resume(look: Look) -> Decision:
    """Clocks stood still while it was paused; what had failed on purpose gets another chance."""
    deployment = look.deployment
    pause = look.now - (deployment.paused_at or look.now)
    records = [_shifted(_forgiven(look, r), pause) for r in deployment.records]
    bake = deployment.bake_until and deployment.bake_until + pause
    again = replace(
        deployment,
        status=move(deployment.status, Event.RESUMED),
        paused_at=None,
        failed_at=None,
        approve_by=None,
        error="",
        bake_until=bake,
        troubles=(),
        readings=(),
        unread_since=None,
    )
    return Decision(with_records(again, records))


def _forgiven(look: Look, record: HostRecord) -> HostRecord:
    if record.phase is not HostPhase.FAILED:
        return record
    return HostRecord(
        record.host,
        phase=HostPhase.STARTING if record.touched else HostPhase.WAITING,
        touched=record.touched,
        boot=record.boot,
        ignored=(*record.ignored, *look.dead(record.host)),
        health_by=look.later(look.deployment.policy.deadline) if record.touched else None,
        canary=record.canary,
        parked_at=record.parked_at,
        joined_at=record.joined_at,
    )


def _shifted(record: HostRecord, pause: timedelta) -> HostRecord:
    return replace(
        record,
        health_by=record.health_by and record.health_by + pause,
        bake_until=record.bake_until and record.bake_until + pause,
        admitted_at=record.admitted_at and record.admitted_at + pause,
        entrance_by=record.entrance_by and record.entrance_by + pause,
        lost_at=None,
    )


def _promote(look: Look) -> Decision:
    status = move(look.deployment.status, Event.PROMOTED)
    return Decision(replace(look.deployment, status=status, promoted=True, approve_by=None))


def _approve(look: Look) -> Decision:
    """One batch more; the next one is asked for again."""
    deployment = look.deployment
    touched = sum(r.touched for r in deployment.records)
    status = move(deployment.status, Event.APPROVED)
    return Decision(replace(deployment, status=status, approved=touched, approve_by=None))


def _abort(look: Look) -> Decision:
    """Back where it was; when nothing has been touched there is no way to go."""
    deployment = look.deployment
    if not any(r.touched for r in deployment.records):
        return _cancel(look)
    why = Fault("", "request", "it was aborted by request")
    status = move(deployment.status, Event.ABORTED)
    turned = replace(deployment, status=status, error=deployment.error or str(why), failed_at=look.now)
    return Decision(_turned(turned, why))


def _cancel(look: Look) -> Decision:
    status = move(look.deployment.status, Event.CANCELLED)
    error = "it was cancelled by request before anything was touched"
    return Decision(replace(look.deployment, status=status, error=error, finished_at=look.now))


def _give_up(look: Look) -> Decision:
    """A blocked way back that a person does not want to wait for: the environment is left as it stands."""
    deployment = look.deployment
    left = (
        f"{deployment.error}. Going back was given up by request while it was blocked: {deployment.blocked}"
        f"{'. ' * bool(entrance.owed(deployment))}{entrance.owed(deployment)}"
    )
    status = move(deployment.status, Event.ABORTED)
    return Decision(replace(deployment, status=status, error=left, finished_at=look.now))


REQUESTS: dict[tuple[Status, Request], Callable[[Look], Decision]] = {
    (Status.PENDING, Request.ABORT): _cancel,
    (Status.PREPARING, Request.ABORT): _cancel,
    (Status.ROLLING, Request.PAUSE): _pause,
    (Status.ROLLING, Request.ABORT): _abort,
    (Status.PAUSED, Request.RESUME): _resume,
    (Status.PAUSED, Request.ABORT): _abort,
    (Status.AWAITING_PROMOTION, Request.PAUSE): _pause,
    (Status.AWAITING_PROMOTION, Request.PROMOTE): _promote,
    (Status.AWAITING_PROMOTION, Request.APPROVE): _approve,
    (Status.AWAITING_PROMOTION, Request.ABORT): _abort,
    (Status.ROLLING_BACK, Request.ABORT): _give_up,
}
