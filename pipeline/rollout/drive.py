"""Flow 3: one deployment to its end. Looks, decides, journals, applies, and looks again. Decides nothing itself.

Everything it knows stands in the books, so it may be killed at any instruction and another driver goes on. Raises
`Stopped` when its lease is lost; returns early, with everything journalled, when `stop` says so or another deployment
of the environment is at work.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.delivery.run import StageName
from pipeline.errors import Conflict
from pipeline.lease import Lease
from pipeline.ports import Ports
from pipeline.rollout.apply import apply
from pipeline.rollout.decide import decide
from pipeline.rollout.deployment import Deployment, Happening, Reason, Status
from pipeline.rollout.effects import Effect, Pull, Retire, told_by_outcome
from pipeline.rollout.look import Decision
from pipeline.rollout.moving import undo_move
from pipeline.rollout.observed import Observed, Outcome, Verdict
from pipeline.rollout.secrets import hide
from pipeline.rollout.survey import first_look, survey

LONGEST_SLEEP = 1.0  # seconds; a person's request and a dead replica are noticed within it
YOUNG = timedelta(seconds=1)  # a look that is no older still tells how the hosts are
AGAIN = 0.3  # seconds before the very same effects are applied once more
SOON = 0.05  # seconds to the next look when only the proxies' last requests are waited for; twice as long each time


def drive(deployment_id: int, lease: Lease, stop: Callable[[], bool], ports: Ports) -> Deployment:
    deployment = ports.deployments.deployment(deployment_id)
    observed: Observed | None = None
    outcomes: tuple[Outcome, ...] = ()
    last: tuple[Effect, ...] = ()
    idle = 0
    while not deployment.over and not stop() and not _must_wait(deployment, ports):
        deployment = _read(deployment, ports)
        observed = _seen(deployment, observed, outcomes, ports)
        deployment, observed, decision = _decided(deployment, observed, lease, ports)
        if decision.effects:
            if decision.effects == last:
                ports.clock.sleep(AGAIN)
            outcomes, idle = apply(decision.effects, deployment, lease, ports), 0
        else:
            outcomes, idle = (), idle + 1
            _sleep(decision.wait_until, idle, deployment, ports)
        last = decision.effects
    return deployment


def _hide_secrets(deployment: Deployment, ports: Ports) -> None:
    """What containers of either release print may have them in it."""
    for release in filter(None, (deployment.release, deployment.previous)):
        hide(release.spec.secrets, ports)


def _seen(
    deployment: Deployment, before: Observed | None, outcomes: tuple[Outcome, ...], ports: Ports
) -> Observed:
    """A new look, unless all that happened since the last one stands in the outcomes alone."""
    if before is not None and outcomes:
        young = before.at is not None and ports.clock.now() - before.at <= YOUNG
        if all(_told(outcome, deployment, young) for outcome in outcomes):
            return before.after(outcomes)
    look = first_look if deployment.status is Status.PENDING else survey
    seen = look(deployment, ports)
    return replace(seen, outcomes=outcomes) if outcomes else seen


def _told(outcome: Outcome, deployment: Deployment, young: bool) -> bool:
    """Does it say all that a look could? After the good verdict nobody asks how the others are: of what was retired its
    end is enough. An image that came quickly lies there; while one came slowly, the host may have changed."""
    effect, done = outcome.effect, outcome.verdict is Verdict.DONE
    retired = isinstance(effect, Retire) and done and deployment.settled
    return told_by_outcome(effect) or retired or (isinstance(effect, Pull) and done and young)


def _must_wait(deployment: Deployment, ports: Ports) -> bool:
    """Its turn comes when the one before it has ended, and restored books were compared with what runs; the books offer it
    again then."""
    if deployment.status is not Status.PENDING:
        return False
    place = deployment.service, deployment.environment
    return ports.deployments.active(*place) is not None or ports.recovery.waits(*place)


def _read(deployment: Deployment, ports: Ports) -> Deployment:
    """With what people asked since. While it waits for its turn, what it would go back to may move as well."""
    if deployment.status is Status.PENDING:
        deployment = ports.deployments.deployment(deployment.id)
    _hide_secrets(deployment, ports)
    request = ports.deployments.requested(deployment.id)
    return deployment if request is deployment.request else replace(deployment, request=request)


def _decided(
    before: Deployment, observed: Observed, lease: Lease, ports: Ports
) -> tuple[Deployment, Observed, Decision]:
    """Journalled. A record that moved on while nothing was touched needs no new look: the same one tells what comes next."""
    decision = decide(before, observed, ports.clock.now())
    deployment = _journal(before, decision, lease, ports)
    if deployment.status is Status.ROLLING and not decision.effects and _moved_on(before, deployment):
        return _decided(deployment, observed.used(), lease, ports)
    return deployment, observed, decision


def _moved_on(before: Deployment, deployment: Deployment) -> bool:
    """To a stage of its road that is entered once, and can be gone through at once."""
    return (before.status, before.settled, before.bake_until is None) != (
        deployment.status,
        deployment.settled,
        deployment.bake_until is None,
    )


# ------------------------------------------------------------------------------------------------ journal


def _journal(before: Deployment, decision: Decision, lease: Lease, ports: Ports) -> Deployment:
    """On disk before anything is touched. Nothing is written when nothing changed."""
    deployment = decision.deployment
    if deployment == before and not decision.happenings:
        return deployment
    if deployment.over:
        _undo_scale(deployment, ports)
        undo_move(deployment, ports)
    try:
        ports.deployments.save(deployment, decision.happenings, lease)
    except Conflict:
        if before.status is Status.PENDING:
            return before  # another one began in this very moment
        raise
    _write_log(deployment, decision.happenings, ports)
    if deployment.over:
        _notify(deployment, ports)
    return deployment


def _undo_scale(deployment: Deployment, ports: Ports) -> None:
    """A scale that did not come about leaves the number of replicas as it was."""
    if deployment.reason is not Reason.SCALE or deployment.status is Status.SUCCEEDED:
        return
    before = deployment.attributes.get("replicas_before", "")
    state = ports.deployments.environment(deployment.service, deployment.environment)
    if before and state.replicas == deployment.replicas:
        ports.deployments.set_replicas(deployment.service, deployment.environment, int(before))


def _write_log(deployment: Deployment, happenings: tuple[Happening, ...], ports: Ports) -> None:
    if deployment.run is None:
        return
    lines = [f"{h.at:%H:%M:%S} {h.host + ': ' if h.host else ''}{h.text}\n" for h in happenings]
    if lines:
        ports.logs.append(deployment.run, StageName.DEPLOY, "".join(lines))
    if deployment.over:
        ports.logs.close(deployment.run, StageName.DEPLOY)


def _notify(deployment: Deployment, ports: Ports) -> None:
    if deployment.status in (Status.FAILED, Status.ROLLED_BACK):
        what = f"{deployment.service}/{deployment.environment}: release {deployment.release.number}"
        ports.notices.tell(f"{what} {deployment.status.replace('_', ' ')}", deployment.error)


def _sleep(until: datetime | None, idle: int, deployment: Deployment, ports: Ports) -> None:
    interval = min(LONGEST_SLEEP, deployment.release.spec.health.interval)
    if deployment.settled or deployment.status is Status.ROLLING_BACK:
        interval = min(interval, SOON * 2 ** min(idle, 10))
    seconds = interval if until is None else (until - ports.clock.now()).total_seconds()
    if seconds > 0 and not deployment.over:
        ports.clock.sleep(min(seconds, interval))
