"""The call about what scales by itself: bounds, targets, what was measured last, and what was decided and why."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from pipeline.caller import Caller
from pipeline.fleet.service import Environment
from pipeline.pools.pool import Pool
from pipeline.ports import Ports
from pipeline.scaling.book import group_of, group_of_pool
from pipeline.scaling.group import Decided, Figure, Memory, Verdict
from pipeline.scaling.machines import scaled_pools
from pipeline.scaling.policy import Measure, Scaling
from pipeline.scaling.scale import scaled_environments
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role, demand_within, within
from pipeline.web.bodies import Filter, Limit, Sent
from pipeline.web.calls import Call


class ScalingQuery(Sent):
    service: Annotated[Filter, Field(description="Empty: all.")] = ""
    environment: Annotated[Filter, Field(description="Empty: all.")] = ""
    limit: Annotated[Limit, Field(description="Decisions of each.")] = 10


class MeasuredAnswer(Answer):
    """`value` null: `why` says what is missing."""

    measure: Measure
    target: float
    value: float | None
    why: str


class DecisionAnswer(Answer):
    id: int
    at: Utc
    verdict: Verdict
    before: int
    after: int
    reason: str
    deployment: int | None


class GroupAnswer(Answer):
    """`min` and `max` as they are now; `period` says why they are not the usual ones. Sizes are replicas on each host; of a
    `pool`, which has no service, its machines."""

    pool: str = ""
    service: str
    environment: str
    min: int
    max: int
    period: str
    replicas: int
    verdict: Verdict | None  # null: it was not looked at yet
    reason: str
    looked_at: Utc | None
    measured: list[MeasuredAnswer]
    decisions: list[DecisionAnswer]


class ScalingAnswer(Answer):
    groups: list[GroupAnswer]


def list_scaling(ports: Ports, caller: Caller, query: ScalingQuery) -> ScalingAnswer:
    if query.service:
        demand_within(caller, query.service, query.environment)
        ports.service(query.service)
        if query.environment:
            ports.settings.environment(query.service, query.environment)
    memories = ports.scaling.memories()
    named = query.service or query.environment or caller.scopes
    pools = [] if named else scaled_pools(ports.settings)
    return ScalingAnswer(
        groups=[
            *(_pool(one, one.scaling, memories, query.limit, ports) for one in pools if one.scaling),
            *(
                _group(
                    place,
                    place.scaling,
                    memories.get(group_of(place.service, place.name)),
                    query.limit,
                    ports,
                )
                for place in scaled_environments(ports.settings)
                if place.scaling is not None
                and _is_asked(place, query)
                and within(caller, place.service, place.name)
            ),
        ]
    )


def note_on(place: Environment, replicas: int, ports: Ports) -> str:
    """What becomes of a number that a person asks for."""
    if place.scaling is None:
        return ""
    bounds = place.scaling.bounds(ports.clock.now())
    where = f"{place.service}/{place.name} scales by itself between {bounds.low} and {bounds.high}"
    if bounds.clamp(replicas) == replicas:
        minutes = place.scaling.cooldown / 60
        return f"{where}: it may grow again as soon as it must, and shrink {minutes:g} min after this at the earliest."
    if replicas > bounds.high and place.scaling.protect:
        return f"{where}, and never shrinks by itself: {replicas} stay until a person changes that."
    return (
        f"{where}: {replicas} become {bounds.clamp(replicas)} at one of its next looks. To keep {replicas}, change "
        f"`scaling` in shipway.yml."
    )


def _is_asked(place: Environment, query: ScalingQuery) -> bool:
    return query.service in ("", place.service) and query.environment in ("", place.name)


def _group(
    place: Environment, policy: Scaling, memory: Memory | None, limit: int, ports: Ports
) -> GroupAnswer:
    bounds = policy.bounds(ports.clock.now())
    state = ports.deployments.environment(place.service, place.name)
    return GroupAnswer(
        service=place.service,
        environment=place.name,
        min=bounds.low,
        max=bounds.high,
        period=bounds.why,
        replicas=place.replicas if state.replicas is None else state.replicas,
        verdict=memory.verdict if memory else None,
        reason=memory.reason if memory else "",
        looked_at=memory.at if memory else None,
        measured=_measured(policy, memory),
        decisions=[
            _decision(one) for one in ports.scaling.decisions(group_of(place.service, place.name), limit)
        ],
    )


def _pool(
    pool: Pool, policy: Scaling, memories: Mapping[str, Memory], limit: int, ports: Ports
) -> GroupAnswer:
    bounds, group = policy.bounds(ports.clock.now()), group_of_pool(pool.name)
    memory, wanted = memories.get(group), ports.pools.wanted(pool.name)
    return GroupAnswer(
        pool=pool.name,
        service="",
        environment="",
        min=bounds.low,
        max=bounds.high,
        period=bounds.why,
        replicas=wanted.machines if wanted else pool.min,
        verdict=memory.verdict if memory else None,
        reason=memory.reason if memory else "",
        looked_at=memory.at if memory else None,
        measured=_measured(policy, memory),
        decisions=[_decision(one) for one in ports.scaling.decisions(group, limit)],
    )


def _measured(policy: Scaling, memory: Memory | None) -> list[MeasuredAnswer]:
    """The targets of today's file, with what was measured of them."""
    known: dict[str, Figure] = {figure.measure: figure for figure in (memory.figures if memory else ())}
    found = []
    for target in policy.targets:
        figure = known.get(target.measure.value)
        value, why = (figure.value, figure.why) if figure else (None, "it was not looked at yet")
        found.append(MeasuredAnswer(measure=target.measure, target=target.value, value=value, why=why))
    return found


def _decision(one: Decided) -> DecisionAnswer:
    return DecisionAnswer(
        id=one.id,
        at=one.at,
        verdict=one.verdict,
        before=one.before,
        after=one.after,
        reason=one.reason,
        deployment=one.deployment,
    )


CALLS = (
    Call(
        "GET",
        "/scaling",
        Role.VIEWER,
        "Show what scales by itself: bounds, targets, and what was decided and why",
        list_scaling,
        ScalingAnswer,
        query=ScalingQuery,
        errors=(400, 404),
    ),
)
