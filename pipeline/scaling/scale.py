"""Flow 9: looks at every environment that scales by itself, decides, and drafts a deployment where its size is to change.

Level-triggered: what a scheduler must remember is in the book, and one that starts anew goes on with it. Never touches
a host, and never takes the place of another deployment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from pipeline.errors import Conflict
from pipeline.fleet.service import Environment
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment, Reason, Status
from pipeline.rollout.release import Release
from pipeline.rollout.rollback import scale
from pipeline.scaling.book import group_of
from pipeline.scaling.decide import decide, is_due, notable
from pipeline.scaling.group import ACTS, Decided, Decision, Measured, Memory, Scaled, Verdict
from pipeline.scaling.measure import Limits, measured
from pipeline.scaling.observe import Observed, observe
from pipeline.scaling.policy import Measure, Scaling, Target
from pipeline.settings import Settings

ACTOR = "scaling"
AGAIN = 600.0  # seconds after a change that did not come about, before the next try
NEWEST = 5  # deployments of an environment that are looked at


@dataclass(frozen=True)
class _Outcome:
    group: str
    memory: Memory
    decided: Decided | None = None


def scaled_environments(settings: Settings) -> list[Environment]:
    every = [e for service in settings.services.values() for e in service.environments.values()]
    return [environment for environment in every if environment.scaling is not None]


def scale_environments(ports: Ports) -> Scaled:
    memories = ports.scaling.memories()
    now = ports.clock.now()
    every, apart = scaled_environments(ports.settings), ports.settings.server.scaling_every
    places = [
        place for place in every if is_due(memories.get(group_of(place.service, place.name)), now, apart)
    ]
    answers = ports.hands.each([partial(_look, place, memories, ports) for place in places])
    outcomes = [answer for answer in answers if isinstance(answer, _Outcome)]
    decided = tuple(outcome.decided for outcome in outcomes if outcome.decided is not None)
    if outcomes:
        ports.scaling.save({outcome.group: outcome.memory for outcome in outcomes}, decided)
    return Scaled(
        tuple(one.deployment for one in decided if one.deployment is not None),
        decided,
        tuple(
            f"{place.service}/{place.name}: {answer}"
            for place, answer in zip(places, answers, strict=True)
            if isinstance(answer, Exception)
        ),
    )


def _look(place: Environment, memories: Mapping[str, Memory], ports: Ports) -> _Outcome | None:
    """None: nothing is live there yet."""
    state = ports.deployments.environment(place.service, place.name)
    if place.scaling is None or state.live is None:
        return None
    live = ports.releases.release(place.service, state.live)
    group = group_of(place.service, place.name)
    before = memories.get(group, Memory())
    seen = observe(place, state, live, ports)
    found = _measured(place, place.scaling, before, seen, live, ports)
    frozen = _frozen(place, ports)
    decision = decide(place.scaling, before, seen.group, found, ports.clock.now(), frozen)
    decision = replace(decision, memory=replace(decision.memory, samples=seen.samples))
    return _carried_out(place, before, decision, seen.group.size, ports)


def _measured(
    place: Environment, policy: Scaling, before: Memory, seen: Observed, live: Release, ports: Ports
) -> list[Measured]:
    now = ports.clock.now()
    warm = [m.name for m in seen.group.members if m.ready and m.age(now) >= policy.warm_up]
    limits = Limits(live.spec.cpus, live.spec.memory)
    return [
        _asked(target, place, live, len(seen.samples), ports)
        if target.measure is Measure.QUERY
        else measured(target, warm, before.samples, seen.samples, limits)
        for target in policy.targets
    ]


def _asked(target: Target, place: Environment, live: Release, replicas: int, ports: Ports) -> Measured:
    if target.criterion is None:
        return Measured(target, None, "it has no query")
    query = target.criterion.about(place.service, place.name, live.number)
    reading = ports.metrics.read(target.criterion, query.replace("{replicas}", str(replicas)))
    if reading.value is not None and not 0 <= reading.value < float("inf"):
        return Measured(target, None, f"{reading.value:g} is no load")
    return Measured(target, reading.value, reading.error or "Prometheus has no data")


def _frozen(place: Environment, ports: Ports) -> str:
    """Why nothing may change now; empty: it may."""
    newest: Sequence[Deployment] = ports.deployments.deployments(place.service, place.name, NEWEST)
    busy = next((one for one in newest if not one.over), None)
    if busy is not None:
        return f"deployment {busy.id} is under way ({busy.status})"
    last = newest[0] if newest else None
    if last is None or last.reason is not Reason.SCALE or last.status is Status.SUCCEEDED:
        return ""
    again = (last.finished_at or last.created_at) + timedelta(seconds=AGAIN)
    if ports.clock.now() >= again:
        return ""
    return f"deployment {last.id}, which was to scale it, ended {last.status}; the next try is at {again:%H:%M} UTC"


def _carried_out(place: Environment, before: Memory, decision: Decision, size: int, ports: Ports) -> _Outcome:
    group, number = group_of(place.service, place.name), None
    if decision.verdict in ACTS:
        try:
            number = scale(place.service, place.name, decision.want, ACTOR, ports, by_itself=True)
        except Conflict as error:
            memory = replace(
                decision.memory, verdict=Verdict.REFUSED, size=size, changed_at=before.changed_at
            )
            decision = Decision(Verdict.REFUSED, size, str(error), replace(memory, reason=str(error)))
    if not notable(before, decision):
        return _Outcome(group, decision.memory)
    now = ports.clock.now()
    line = Decided(group, now, decision.verdict, size, decision.want, decision.reason, number)
    return _Outcome(group, decision.memory, line)
