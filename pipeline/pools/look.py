"""One look at a pool: its book, its cloud, and who joined. Changes nothing; a cloud that does not answer is a value."""

from collections import Counter

from pipeline.errors import ShipwayError
from pipeline.fleet.service import Environment
from pipeline.pools.plan import plan
from pipeline.pools.pool import Pool, State
from pipeline.pools.sight import Plan, Sight
from pipeline.ports import Ports
from pipeline.rollout.deployment import EnvironmentState
from pipeline.rollout.whereabouts import running_on


def look(pool: Pool, ports: Ports) -> Sight:
    machines = ports.pools.machines(pool.name)
    try:
        instances = ports.clouds[pool.name].instances()
        trouble = ""
    except ShipwayError as error:
        instances, trouble = None, str(error)
    return Sight(
        pool,
        machines=machines,
        past=ports.pools.past(pool.name),
        wanted=ports.pools.wanted(pool.name),
        instances=instances,
        trouble=trouble,
        joined=ports.roster.joined(),
        silent=_silent(ports),
        busy=_busy(ports) if sum(m.state is not State.LEAVING for m in machines) > pool.min else {},
    )


def plans(ports: Ports) -> list[Plan]:
    """What would be done now, pool by pool."""
    now = ports.clock.now()
    return [plan(look(pool, ports), now) for pool in ports.settings.pools.values()]


def strangers(ports: Ports) -> list[str]:
    """Sentences about pools that have machines and are not in shipway.yml any more."""
    counts = Counter(m.pool for m in ports.pools.machines() if m.pool not in ports.settings.pools)
    return [
        f"Pool {name} is not in shipway.yml any more and has {count} machines: nobody asks its cloud about them. Put it "
        "back with min: 0 and max: 0, and they leave in order."
        for name, count in counts.items()
    ]


def users_of(host: str, ports: Ports) -> list[str]:
    """Environments with replicas there by the books, or with a deployment that is not over and knows the host."""
    under_way = ports.deployments.under_way()
    planned = {(d.service, d.environment) for d in under_way for plan in d.hosts if plan.host == host}
    return [
        f"{environment.service}/{environment.name}"
        for environment, state in _states(ports)
        if (environment.service, environment.name) in planned or host in running_on(environment, state)
    ]


def _busy(ports: Ports) -> Counter[str]:
    counts: Counter[str] = Counter()
    for environment, state in _states(ports):
        counts.update(running_on(environment, state))
    return counts


def _states(ports: Ports) -> list[tuple[Environment, EnvironmentState]]:
    every = [e for service in ports.settings.services.values() for e in service.environments.values()]
    states = ports.deployments.environments([(e.service, e.name) for e in every])
    return [(environment, states[environment.service, environment.name]) for environment in every]


def _silent(ports: Ports) -> frozenset[str]:
    states = ports.fleet.hosts()
    return frozenset(name for name, state in states.items() if state.silent_since is not None)
