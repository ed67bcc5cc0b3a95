"""The heart of the rollout: what is recorded and what is seen, to what is done next. Pure, and level-triggered.

`decide` remembers no step. It takes the record, one look at the world and the time, and answers with the changed record
(to be journalled first), history lines, effects, or the instant at which to look again. Whoever comes after a crash
calls it with the same record and goes on.

| status             | rule                 | what it does                                             |
|--------------------|----------------------|----------------------------------------------------------|
| pending, preparing | `preflight`          | every host fit, image everywhere, proxies would load     |
| rolling            | `forward`, `advance` | hosts in batches through gate, switch and bake           |
| rolling, settled   | `finish`             | the verdict is good: old replicas go                     |
| paused, awaiting   | `forward.waiting`    | only watched                                             |
| rolling back       | `restore`            | every host to the previous release                       |
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pipeline.rollout import measure
from pipeline.rollout.chronicle import changes
from pipeline.rollout.compare import counted
from pipeline.rollout.converge import Question, questions
from pipeline.rollout.deployment import Deployment, Happening, HostRecord, Status, Trouble
from pipeline.rollout.effects import CheckProxy, Effect, Explain, Prune, RunHook
from pipeline.rollout.finish import finishing
from pipeline.rollout.forward import rolling, waiting
from pipeline.rollout.look import Decision, Look, after, passed, soonest, with_records
from pipeline.rollout.observed import Observed, Outcome, Verdict
from pipeline.rollout.preflight import pending, preparing
from pipeline.rollout.restore import restoring
from pipeline.rollout.turn import obey

__all__ = ["Decision", "Question", "decide", "to_ask"]

LONGEST_PAUSE = 15.0  # seconds between two tries of something that misbehaves

RULES: dict[Status, Callable[[Look], Decision]] = {
    Status.PENDING: pending,
    Status.PREPARING: preparing,
    Status.ROLLING: rolling,
    Status.PAUSED: waiting,
    Status.AWAITING_PROMOTION: waiting,
    Status.ROLLING_BACK: restoring,
}


def decide(deployment: Deployment, observed: Observed, now: datetime) -> Decision:
    if deployment.over:
        return Decision(deployment)
    noted, said = _absorb(deployment, observed, now)
    look = measure.noted(counted(Look(noted, observed, now)))
    decision = obey(look) or _rule(noted)(look)
    history = (*said, *decision.happenings, *changes(deployment, decision.deployment, now))
    if decision.deployment.status is not deployment.status:
        return Decision(decision.deployment, history, (), now)
    effects = tuple(e for e in decision.effects if _may_try(decision.deployment, e, now))
    return Decision(decision.deployment, history, effects, _next_look(deployment, decision, now))


def _next_look(before: Deployment, decision: Decision, now: datetime) -> datetime | None:
    """None: when the next sample is due. An instant that is over counts only while the record still changes: nobody
    may look again and again at a world that stands still."""
    retries = [t.retry_at for t in decision.deployment.troubles]
    until = soonest([decision.wait_until, *retries])
    if passed(until, now) and decision.deployment != before:
        return now
    return soonest(i for i in (decision.wait_until, *retries) if i is not None and i > now)


def to_ask(deployment: Deployment, observed: Observed, now: datetime) -> tuple[Question, ...]:
    """Which replicas must be asked for their health before `decide` can tell more."""
    return questions(Look(deployment, observed, now))


def _rule(deployment: Deployment) -> Callable[[Look], Decision]:
    return finishing if deployment.settled else RULES[deployment.status]


# ------------------------------------------------------------------------------------------------ outcomes


def _absorb(deployment: Deployment, observed: Observed, now: datetime) -> tuple[Deployment, list[Happening]]:
    """What became of the last effects, as evidence: troubles with their next try, and what is done once and for all."""
    said: list[Happening] = []
    for outcome in observed.outcomes:
        deployment = _noted(deployment, outcome)
        said.extend(_told(outcome, now))
    deployment = with_records(deployment, _marked(deployment, observed.outcomes))
    troubles = _troubles(deployment, observed.outcomes, now)
    return (deployment if troubles == deployment.troubles else replace(deployment, troubles=troubles)), said


def _troubles(deployment: Deployment, outcomes: tuple[Outcome, ...], now: datetime) -> tuple[Trouble, ...]:
    """A place of which nothing was tried keeps what it had; one where all went well has none any more."""
    bad: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.verdict is not Verdict.DONE:
            bad.setdefault(outcome.effect.where, outcome)
    tried = {outcome.effect.where for outcome in outcomes}
    kept = (trouble for trouble in deployment.troubles if trouble.where not in tried)
    worse = (_worse(deployment.trouble(where), where, o.note, now) for where, o in bad.items())
    return (*kept, *worse)


def _marked(deployment: Deployment, outcomes: tuple[Outcome, ...]) -> list[HostRecord]:
    """What is done once for a host, whatever came of it."""
    changed: dict[str, HostRecord] = {}
    for effect in (outcome.effect for outcome in outcomes):
        if isinstance(effect, Prune | Explain):
            record = changed.get(effect.host) or deployment.record(effect.host)
            pruned, explained = isinstance(effect, Prune), isinstance(effect, Explain)
            changed[effect.host] = replace(
                record, pruned=record.pruned or pruned, explained=record.explained or explained
            )
    return list(changed.values())


def _worse(before: Trouble | None, where: str, note: str, now: datetime) -> Trouble:
    tries = before.tries + 1 if before else 1
    pause = min(LONGEST_PAUSE, 0.25 * 2.0 ** min(tries, 10))
    return Trouble(where, note, before.since if before else now, after(now, pause), tries)


def _noted(deployment: Deployment, outcome: Outcome) -> Deployment:
    effect = outcome.effect
    done = outcome.verdict is Verdict.DONE
    if isinstance(effect, CheckProxy) and done:
        return replace(deployment, checked=(*deployment.checked, effect.where))
    if isinstance(effect, RunHook) and outcome.verdict is not Verdict.TROUBLE:
        return replace(deployment, hooks={**deployment.hooks, effect.hook: "" if done else outcome.note})
    return deployment


def _told(outcome: Outcome, now: datetime) -> list[Happening]:
    effect = outcome.effect
    if isinstance(effect, Explain | RunHook) and outcome.note:
        kind = "log" if isinstance(effect, Explain) else effect.hook
        return [Happening(now, kind, outcome.note, effect.host)]
    if outcome.verdict is not Verdict.DONE:
        return [Happening(now, "trouble", outcome.note, effect.where)]
    return []


def _may_try(deployment: Deployment, effect: Effect, now: datetime) -> bool:
    trouble = deployment.trouble(effect.where)
    return trouble is None or passed(trouble.retry_at, now)
