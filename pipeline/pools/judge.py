"""What is to be done with one machine of a pool, and with machines that are in no book. Pure.

Decides nothing about how many there should be; that is `plan`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pipeline.pools.order import Instance, InstanceState
from pipeline.pools.pool import Machine, Provider, State
from pipeline.pools.sight import Deed, Sight, Step

ASK_AGAIN = timedelta(minutes=10)  # so long a cloud is asked for a machine of which nothing was heard
APPEAR = timedelta(minutes=2)  # from a cloud's answer until its lists show it, at the latest
GIVE_UP = ASK_AGAIN + timedelta(minutes=5)
GRACE = timedelta(minutes=15)  # for a machine in no book: somebody may just be writing it down
OVER = (InstanceState.ENDING, InstanceState.STOPPED)


def judged(machine: Machine, sight: Sight, now: datetime) -> Step | None:
    """None: it is as it should be, or what follows is not known yet."""
    if machine.state is State.WISHED:
        return Step(Deed.LAUNCH, machine.why, machine)
    if machine.state is State.LAUNCHING:
        return _launching(machine, sight, now)
    if machine.state is State.LEAVING:
        return _leaving(machine, sight)
    return _lost(machine, sight, now) or _joining(machine, sight, now) or _extended(machine, sight, now)


def _launching(machine: Machine, sight: Sight, now: datetime) -> Step | None:
    found = sight.instance_of(machine)
    if found is not None:
        return Step(Deed.FOUND, f"the cloud made {found.id} for it", machine, found.id)
    waited = now - machine.since
    if not machine.failed and waited < ASK_AGAIN:
        return Step(Deed.LAUNCH, "the cloud's answer is not known; asked again with the same token", machine)
    if sight.instances is None or waited < (APPEAR if machine.failed else GIVE_UP):
        return None
    why = machine.error or "the cloud never said which machine it made, and lists none"
    return Step(Deed.GIVE_UP, why, machine, failed=True)


def _lost(machine: Machine, sight: Sight, now: datetime) -> Step | None:
    """It is no machine any more, or not for long."""
    if sight.instances is None:
        return None
    found = sight.instance_of(machine)
    if found is None and now - machine.since >= APPEAR:
        why = f"its cloud does not know {machine.instance} any more"
        return Step(Deed.LEAVE, why, machine, machine.instance, failed=machine.ready_at is None)
    if found is not None and found.taken:
        return Step(Deed.LEAVE, f"its cloud takes it away: {found.taken}", machine, found.id)
    if found is not None and found.state in OVER:
        return Step(Deed.LEAVE, f"its cloud has it as {found.state}", machine, found.id, failed=True)
    return None


def _joining(machine: Machine, sight: Sight, now: datetime) -> Step | None:
    joined = sight.has_joined(machine)
    if joined and (other := sight.joined[machine.name].host.instance) not in ("", machine.instance):
        why = f"another machine ({other}) joined in its place"
        return Step(Deed.LEAVE, why, machine, machine.instance, failed=True)
    if machine.state is State.READY:
        why = "it is no host any more: somebody took it out"
        return None if joined else Step(Deed.LEAVE, why, machine, machine.instance)
    if joined:
        return Step(Deed.READY, "its engine has joined", machine, machine.instance)
    if now - machine.since < timedelta(seconds=sight.pool.join_within):
        return None
    why = f"it has not joined within {sight.pool.join_within / 60:.0f} min"
    return Step(Deed.LEAVE, why, machine, machine.instance, failed=True)


def _extended(machine: Machine, sight: Sight, now: datetime) -> Step | None:
    half = timedelta(seconds=sight.pool.fuse / 2)
    if sight.pool.provider is not Provider.ALIYUN or machine.release_at is None:
        return None
    if machine.release_at - now > half:
        return None
    return Step(Deed.EXTEND, f"its cloud would delete it at {machine.release_at:%H:%M} UTC", machine)


def _leaving(machine: Machine, sight: Sight) -> Step:
    found = sight.instance_of(machine)
    if sight.instances is not None and found is None and not sight.has_joined(machine):
        return Step(Deed.GONE, machine.why, machine, machine.instance)
    return Step(Deed.EMPTY, machine.why, machine, machine.instance)


def orphans(sight: Sight, now: datetime) -> Iterator[Step]:
    """Machines with our tags that belong to no machine in the books: they cost money, and nobody would ever end them."""
    mine = {found.id for machine in sight.machines if (found := sight.instance_of(machine))}
    for instance in sight.instances or ():
        if instance.id not in mine and instance.state is not InstanceState.ENDING:
            yield _orphan(instance, now)


def _orphan(instance: Instance, now: datetime) -> Step:
    why = "it carries our tags, and no book knows it"
    if instance.launched_at is None or now - instance.launched_at < GRACE:
        return Step(Deed.REPORT, f"{why}; it is swept when it is 15 min old", instance=instance.id)
    return Step(Deed.SWEEP, why, instance=instance.id)
