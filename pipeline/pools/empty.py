"""How a machine of a pool becomes a host that serves, and how it stops being one: drained, out of the load balancer, out of
the fleet, its certificate revoked. Only then is it deleted.

Each call goes as far as it can, from what is seen; the next one goes on.
"""

from datetime import datetime, timedelta

from pipeline.errors import Conflict
from pipeline.fleet.balancer import Target
from pipeline.fleet.host import Host
from pipeline.pools.look import users_of
from pipeline.pools.pool import Machine, Pool
from pipeline.pools.sight import Sight
from pipeline.ports import Ports
from pipeline.rollout.moving import drain, resume

BY = "pools"


class Waits(Exception):
    """It cannot go on now; says for what it waits."""


def let_in(machine: Machine, sight: Sight, ports: Ports) -> None:
    """Its host is what the cloud says it is, and gets what environments have for it."""
    ports.roster.identify(machine.name, machine.instance, str(sight.pool.provider), sight.pool.type)
    ports.fleet.drain(machine.name, BY, "it joins")
    resume(machine.name, BY, ports)


def take_out(machine: Machine, sight: Sight, now: datetime, ports: Ports) -> None:
    """Raises `Waits` while something of it is still there, and `Conflict` when somebody cannot do without it."""
    if sight.has_joined(machine):
        host = sight.joined[machine.name].host
        _emptied(machine, sight, now, ports)
        _out_of_balancer(sight.pool, host, ports)
    ports.invites.revoke(machine.name)
    ports.roster.remove(machine.name)


def is_dead(machine: Machine, sight: Sight) -> bool:
    """Nobody can be served there any more."""
    vanished = sight.instances is not None and sight.instance_of(machine) is None
    return vanished or machine.name in sight.silent


def _emptied(machine: Machine, sight: Sight, now: datetime, ports: Ports) -> None:
    late = now - machine.since > timedelta(seconds=sight.pool.drain_within)
    try:
        _drained(machine, sight, ports)
    except Conflict:
        if late and is_dead(machine, sight):
            return  # nobody was served there for so long; it is not waited for any more
        raise
    users = users_of(machine.name, ports)
    if not users or (late and is_dead(machine, sight)):
        return
    waits = f"it has not become empty yet: {', '.join(users)}"
    raise Waits(f"{waits}, for more than {sight.pool.drain_within / 60:.0f} min" if late else waits)


def _drained(machine: Machine, sight: Sight, ports: Ports) -> None:
    state = ports.fleet.hosts().get(machine.name)
    if state is None or state.drained_at is None:
        drain(machine.name, BY, machine.why, must_go(machine, sight), ports)


def must_go(machine: Machine, sight: Sight) -> bool:
    """Whether anybody can do without it or not."""
    found = sight.instance_of(machine)
    return machine.failed or is_dead(machine, sight) or bool(found and found.taken)


def _out_of_balancer(pool: Pool, host: Host, ports: Ports) -> None:
    if not pool.load_balancer:
        return
    balancer = ports.balancers[pool.load_balancer]
    target = Target(host.instance or host.address, ports.settings.load_balancers[pool.load_balancer].port)
    if target in balancer.members():
        balancer.park([target])
        balancer.remove([target])
