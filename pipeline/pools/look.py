"""One look at a pool: its book, its cloud, and who joined. Changes nothing; a cloud that does not answer is a value."""

from collections import Counter

from pipeline.errors import ShipwayError
from pipeline.pools.plan import plan
from pipeline.pools.pool import Pool, State
from pipeline.pools.sight import Plan, Sight
from pipeline.ports import Ports
from pipeline.rollout.whereabouts import running_on

NEWEST = 5  # deployments of an environment that may not be over


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
    found = []
    for service in ports.settings.services.values():
        for environment in service.environments.values():
            state = ports.deployments.environment(environment.service, environment.name)
            newest = ports.deployments.deployments(environment.service, environment.name, NEWEST)
            planned = any(plan.host == host for one in newest if not one.over for plan in one.hosts)
            if planned or host in running_on(environment, state):
                found.append(f"{environment.service}/{environment.name}")
    return found


def _busy(ports: Ports) -> Counter[str]:
    counts: Counter[str] = Counter()
    for service in ports.settings.services.values():
        for environment in service.environments.values():
            state = ports.deployments.environment(environment.service, environment.name)
            counts.update(running_on(environment, state))
    return counts


def _silent(ports: Ports) -> frozenset[str]:
    states = ports.fleet.hosts()
    return frozenset(name for name, state in states.items() if state.silent_since is not None)
