"""Reads and changes the load balancer of a deployment, one change at a time, whoever else has hosts behind it.

Decides nothing but this: a park waits while too few other members serve, since deployments of other environments may
be parking theirs at the same moment.
"""

from collections.abc import Iterable

from pipeline.errors import ShipwayError, Unreachable
from pipeline.fleet.balancer import MemberState, Target
from pipeline.lease import Lease, balancer_key
from pipeline.ports import Ports
from pipeline.rollout.deployment import Deployment
from pipeline.rollout.effects import Admit, Park
from pipeline.rollout.observed import EntranceSeen, Outcome
from pipeline.rollout.places import host_of

TTL = 60.0  # seconds; a change with its retries ends well within it


def entrance_seen(deployment: Deployment, ports: Ports) -> EntranceSeen:
    return members_seen(deployment.load_balancer, [plan.host for plan in deployment.hosts], ports)


def members_seen(name: str, hosts: Iterable[str], ports: Ports) -> EntranceSeen:
    """Of one load balancer, those of these hosts. Never raises: what cannot be read is in `error`."""
    try:
        balancer = ports.balancers[name]
        found = balancer.members()
        targets = {host: target_of(name, host, ports) for host in hosts}
        members = {host: found[target] for host, target in targets.items() if target in found}
        return EntranceSeen(members, balancer.capabilities())
    except ShipwayError as error:
        return EntranceSeen(error=str(error))
    except KeyError:
        return EntranceSeen(error=f"load balancer {name!r} is no longer in the configuration; put it back")


def target_of(balancer: str, host: str, ports: Ports) -> Target:
    machine = host_of(host, ports)
    return Target(machine.instance or machine.address, ports.settings.load_balancers[balancer].port)


def balance(effect: Park | Admit, lease: Lease, ports: Ports) -> Outcome:
    """Under a lease of the balancer. Raises `Unreachable` when it is to be tried again."""
    if effect.balancer not in ports.balancers:
        raise Unreachable(
            f"Load balancer {effect.balancer!r} is no longer in the configuration; put it back."
        )
    held = ports.leases.take(balancer_key(effect.balancer), lease.owner, TTL)
    if held is None:
        raise Unreachable(
            f"Load balancer {effect.balancer} is being changed by somebody else; it is tried again."
        )
    try:
        _change(effect, ports)
    finally:
        ports.leases.give_back(held)
    return Outcome(effect)


def _change(effect: Park | Admit, ports: Ports) -> None:
    balancer = ports.balancers[effect.balancer]
    target = target_of(effect.balancer, effect.host, ports)
    if isinstance(effect, Admit):
        balancer.admit([target])
        return
    members = balancer.members()
    others = sum(m.state is MemberState.SERVING for t, m in members.items() if t != target)
    if others < effect.keep:
        raise Unreachable(
            f"Load balancer {effect.balancer} has only {others} other members that serve, and {effect.keep} must stay; "
            f"{effect.host} is parked when there are more."
        )
    balancer.park([target])
