"""After the good verdict: the old replicas leave the routes, are stopped, and images that nobody needs go. Pure.

Nothing can fail the deployment any more. What cannot be tidied up in time is left, and said.
"""

from collections.abc import Iterator
from dataclasses import replace

from pipeline.rollout import converge, hooks, traffic
from pipeline.rollout.deployment import HostPhase, HostPlan
from pipeline.rollout.effects import Effect, Prune
from pipeline.rollout.look import Decision, Look, Step, found, lost, passed, soonest
from pipeline.rollout.release import Hook
from pipeline.rollout.states import Event, move


def finishing(look: Look) -> Decision:
    steps = [_tidy(look, plan) for plan in look.deployment.hosts]
    look = look.with_records(step.record for step in steps)
    switches = traffic.switches(look)
    hook = hooks.due(look, Hook.AFTER_DEPLOY)
    effects: list[Effect] = [*hook, *(e for step in steps for e in step.effects), *switches]
    left = [step for step in steps if step.obstacle]
    wake = soonest([look.deployment.finish_by, *(step.wake for step in steps)])
    if (left or effects) and not passed(look.deployment.finish_by, look.now):
        return Decision(look.deployment, effects=tuple(effects), wait_until=wake)
    notes = [f"{step.record.host}: {step.obstacle}" for step in left]
    done = replace(
        look.deployment,
        status=move(look.deployment.status, Event.SUCCEEDED),
        finished_at=look.now,
        error=" ".join(_left(look, notes)),
    )
    return Decision(done)


def _left(look: Look, notes: list[str]) -> Iterator[str]:
    said = hooks.noted(look.deployment)
    if hooks.due(look, Hook.AFTER_DEPLOY):
        said = "after_deploy could not be run in time."
    if said:
        yield f"It is live, but {said}"
    if notes:
        yield f"It is live, but not everything was tidied up. {'; '.join(notes)}"


def _tidy(look: Look, plan: HostPlan) -> Step:
    record = look.deployment.record(plan.host)
    if not look.host(plan.host).reachable:
        return Step(lost(record, look.now), obstacle=_absent(look, plan))
    record = found(record) if record.phase is not HostPhase.SKIPPED else record
    if record.phase is HostPhase.SKIPPED:
        return Step(record)
    prune = () if record.pruned else (Prune(plan.host),)
    if converge.leftovers(look, plan):
        retire = converge.retire(look, plan, record)
        return Step(
            record,
            (*retire, *prune) if retire else (),
            wake=record.drain_by,
            obstacle="replicas of earlier releases are still there",
        )
    return Step(record, prune)


def _absent(look: Look, plan: HostPlan) -> str:
    if look.deployment.record(plan.host).phase is HostPhase.SKIPPED:
        return ""
    return f"it does not answer: {look.host(plan.host).error}"
