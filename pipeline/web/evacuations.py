"""The calls that empty a host or a region: the plan, the deed, and how far it has come."""

from typing import Annotated

from pydantic import Field

from pipeline.caller import Caller
from pipeline.ports import Ports
from pipeline.rollout.evacuation import (
    Evacuation,
    Leave,
    Remaining,
    evacuate,
    plan_evacuation,
    progress,
)
from pipeline.rollout.moving import Moves
from pipeline.web.answers import Answer
from pipeline.web.auth import Role
from pipeline.web.bodies import Filter, Sent, Word
from pipeline.web.calls import Call
from pipeline.web.runs import requested_by, wake


class EvacuationBody(Sent):
    where: Annotated[Word, Field(description="A host, or a region.")]
    plan: Annotated[bool, Field(description="Only say what would be done. Changes nothing.")] = False
    reason: Annotated[Filter, Field(description="For people who ask why.")] = ""
    force: Annotated[
        bool, Field(description="Also below the fewest hosts of an environment; never to none.")
    ] = False


class LeaveAnswer(Answer):
    """Replicas on each host, before and after. `refusal`: why it cannot leave."""

    service: str
    environment: str
    before: dict[str, int]
    after: dict[str, int]
    refusal: str


class EvacuationAnswer(Answer):
    """`waiting`: environments that something else is being deployed to; they follow by themselves."""

    hosts: list[str]
    leaves: list[LeaveAnswer]
    remarks: list[str]
    deployments: list[int]
    waiting: list[str]


class RemainingAnswer(Answer):
    """`deployment` is the newest one there."""

    service: str
    environment: str
    replicas: int
    deployment: int | None
    status: str
    error: str


class ProgressAnswer(Answer):
    hosts: list[str]
    drained: list[str]
    remaining: list[RemainingAnswer]


def begin_evacuation(ports: Ports, caller: Caller, body: EvacuationBody) -> EvacuationAnswer:
    if body.plan:
        return _answer(plan_evacuation(body.where, body.force, ports), Moves())
    planned, moves = evacuate(body.where, requested_by(caller), body.reason, body.force, ports)
    for number in moves.deployments:
        wake(ports.queue.wake_deployment, number)
    return _answer(planned, moves)


def show_evacuation(ports: Ports, caller: Caller, where: str) -> ProgressAnswer:
    found = progress(where, ports)
    return ProgressAnswer(
        hosts=list(found.hosts),
        drained=list(found.drained),
        remaining=[_remaining(one) for one in found.remaining],
    )


def _answer(planned: Evacuation, moves: Moves) -> EvacuationAnswer:
    return EvacuationAnswer(
        hosts=list(planned.hosts),
        leaves=[_leave(leave) for leave in planned.leaves],
        remarks=list(planned.remarks),
        deployments=list(moves.deployments),
        waiting=list(moves.waiting),
    )


def _leave(leave: Leave) -> LeaveAnswer:
    return LeaveAnswer(
        service=leave.service,
        environment=leave.environment,
        before=leave.before,
        after=leave.after,
        refusal=leave.refusal,
    )


def _remaining(one: Remaining) -> RemainingAnswer:
    newest = one.deployment
    return RemainingAnswer(
        service=one.service,
        environment=one.environment,
        replicas=one.replicas,
        deployment=newest.id if newest else None,
        status=newest.status if newest else "",
        error=newest.error if newest else "",
    )


CALLS = (
    Call(
        "POST",
        "/evacuations",
        Role.DEPLOYER,
        "Empty a host or a region, or plan to",
        begin_evacuation,
        EvacuationAnswer,
        202,
        body=EvacuationBody,
        errors=(400, 404, 409, 413, 415),
        unbound=True,
        action="evacuate",
    ),
    Call(
        "GET",
        "/evacuations/<where>",
        Role.VIEWER,
        "Show what is still on a host or in a region",
        show_evacuation,
        ProgressAnswer,
        errors=(404,),
        unbound=True,
    ),
)
