"""A person says how many machines a pool should have, or lets a change happen that is large. Writes it down, and launches
nothing itself: the scheduler carries it out."""

from pipeline.errors import Conflict, NotFound, Refused
from pipeline.pools.look import plans
from pipeline.pools.plan import refusal
from pipeline.pools.pool import Pool, State, Wanted
from pipeline.ports import Ports


def want(name: str, machines: int, why: str, by: str, force: bool, ports: Ports) -> Wanted:
    pool = known(name, ports)
    if not pool.min <= machines <= pool.max:
        raise Refused(
            f"Pool {name} takes {pool.min} to {pool.max} machines, and {machines} is not among them. "
            f"Change pools.{name}.min or max in shipway.yml first."
        )
    before = sum(m.state is not State.LEAVING for m in ports.pools.machines(name))
    refused = "" if force else refusal(pool, before, machines)
    if refused:
        raise Conflict(f"{refused} Nothing was changed.")
    return ports.pools.want(name, machines, why, by, force)


def force_on(by: str, ports: Ports) -> list[str]:
    """Pools of which not all could be done at once: now it is. Their names."""
    forced = []
    for plan in plans(ports):
        if not plan.refused:
            continue
        wanted = ports.pools.wanted(plan.pool)
        number = wanted.machines if wanted else plan.target
        why = wanted.why if wanted else ""
        ports.pools.want(plan.pool, number, why, wanted.by if wanted else by, forced=True)
        forced.append(plan.pool)
    return forced


def known(name: str, ports: Ports) -> Pool:
    if name not in ports.settings.pools:
        pools = ", ".join(sorted(ports.settings.pools)) or "none"
        raise NotFound(
            f"There is no pool {name!r} in shipway.yml. Known pools: {pools}. `shipway pools` lists them."
        )
    return ports.settings.pools[name]
