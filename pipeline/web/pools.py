"""The calls about pools: which machines there are, what would be done now, how many are wanted, and the word that a large
change may happen."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from pipeline.caller import Caller
from pipeline.pools.look import plans, strangers
from pipeline.pools.pool import Machine, Pool
from pipeline.pools.sight import Plan, Step
from pipeline.pools.want import force_on, known, want
from pipeline.ports import Ports
from pipeline.web.answers import Answer, Utc
from pipeline.web.auth import Role
from pipeline.web.bodies import Filter, Sent
from pipeline.web.calls import Call

PAST = 5  # machines that are gone, of each pool


class MachineAnswer(Answer):
    """`instance`: the cloud's id; empty while it is not known. `release_at`: its cloud deletes it then, unless that is put
    off again. `failed`: it was no use."""

    id: int
    name: str
    state: str
    instance: str
    address: str
    since: Utc
    wished_at: Utc
    ready_at: Utc | None
    release_at: Utc | None
    failed: bool
    why: str
    error: str


class PoolAnswer(Answer):
    """`wanted` null: nobody said; it is `min`. `past`: the newest that are gone."""

    name: str
    provider: str
    region: str
    type: str
    min: int
    max: int
    labels: dict[str, str]
    wanted: int | None
    wanted_by: str
    wanted_why: str
    wanted_at: Utc | None
    forced: bool
    machines: list[MachineAnswer]
    past: list[MachineAnswer]


class PoolsAnswer(Answer):
    """`strangers`: pools with machines that are not in shipway.yml any more, in sentences."""

    pools: list[PoolAnswer]
    strangers: list[str]


class StepAnswer(Answer):
    does: str
    machine: str
    instance: str
    why: str


class PoolPlanAnswer(Answer):
    """`held`: why not all of it is done now. `refused`: that needs force."""

    pool: str
    target: int
    steps: list[StepAnswer]
    held: str
    refused: bool


class PoolPlansAnswer(Answer):
    """`forced`: pools whose large change may happen now."""

    plans: list[PoolPlanAnswer]
    strangers: list[str]
    forced: list[str]


class WantBody(Sent):
    machines: Annotated[int, Field(ge=0, le=1000, description="How many the pool should have from now on.")]
    why: Annotated[Filter, Field(description="For people who ask why.")] = ""
    force: Annotated[bool, Field(description="Also by more than 30 % at once.")] = False


class ForceBody(Sent):
    force: Annotated[bool, Field(description="false: only say what would be done.")] = False


def list_pools(ports: Ports, caller: Caller) -> PoolsAnswer:
    pools = [_pool(pool, ports) for pool in ports.settings.pools.values()]
    return PoolsAnswer(pools=pools, strangers=strangers(ports))


def plan_pools(ports: Ports, caller: Caller, body: ForceBody) -> PoolPlansAnswer:
    forced = force_on(caller.signature, ports) if body.force else []
    return PoolPlansAnswer(
        plans=[_plan(found) for found in plans(ports)], strangers=strangers(ports), forced=forced
    )


def want_machines(ports: Ports, caller: Caller, pool: str, body: WantBody) -> PoolAnswer:
    want(pool, body.machines, body.why, caller.signature, body.force, ports)
    return _pool(known(pool, ports), ports)


def _pool(pool: Pool, ports: Ports) -> PoolAnswer:
    wanted = ports.pools.wanted(pool.name)
    return PoolAnswer(
        name=pool.name,
        provider=pool.provider.value,
        region=pool.region,
        type=pool.type,
        min=pool.min,
        max=pool.max,
        labels=pool.labels,
        wanted=wanted.machines if wanted else None,
        wanted_by=wanted.by if wanted else "",
        wanted_why=wanted.why if wanted else "",
        wanted_at=wanted.at if wanted else None,
        forced=wanted.forced if wanted else False,
        machines=_machines(ports.pools.machines(pool.name)),
        past=_machines(ports.pools.past(pool.name, PAST)),
    )


def _machines(machines: Sequence[Machine]) -> list[MachineAnswer]:
    fields = MachineAnswer.model_fields
    return [MachineAnswer.model_validate({name: getattr(m, name) for name in fields}) for m in machines]


def _plan(plan: Plan) -> PoolPlanAnswer:
    return PoolPlanAnswer(
        pool=plan.pool,
        target=plan.target,
        steps=[_step(step) for step in plan.steps],
        held=plan.held,
        refused=plan.refused,
    )


def _step(step: Step) -> StepAnswer:
    name = step.machine.name if step.machine else ""
    return StepAnswer(does=step.deed.value, machine=name, instance=step.instance, why=step.why)


CALLS = (
    Call(
        "GET",
        "/pools",
        Role.VIEWER,
        "List the pools of machines, and what became of each machine",
        list_pools,
        PoolsAnswer,
    ),
    Call(
        "POST",
        "/pools/plan",
        Role.ADMIN,
        "Say what pools need now, and let a change of more than 30 % happen",
        plan_pools,
        PoolPlansAnswer,
        body=ForceBody,
        errors=(400, 413, 415, 503),
        unbound=True,
        action="pool.plan",
    ),
    Call(
        "POST",
        "/pools/<pool>/want",
        Role.ADMIN,
        "Say how many machines a pool should have from now on",
        want_machines,
        PoolAnswer,
        202,
        body=WantBody,
        errors=(400, 404, 409, 413, 415),
        unbound=True,
        action="pool.want",
    ),
)
