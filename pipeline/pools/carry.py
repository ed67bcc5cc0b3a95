"""Flow 8: carries out what pools need. Level-triggered: one look, one plan, its steps; the next look goes on.

Under one lease for all schedulers. Every wish and every step is written down before its effect and again after it; a process
may die between any two of them. Never tries anything again within one look.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from pipeline.errors import BadConfig, Conflict, Rejected, ShipwayError, Stopped
from pipeline.lease import Lease
from pipeline.pools.empty import BY, Waits, let_in, must_go, take_out
from pipeline.pools.judge import ASK_AGAIN
from pipeline.pools.look import look
from pipeline.pools.order import ordered
from pipeline.pools.plan import plan
from pipeline.pools.pool import Event, Machine, Pool, State
from pipeline.pools.sight import Deed, Sight, Step
from pipeline.ports import Ports

KEY = "pools"
TTL = 10.0  # seconds; the caller's leases keep it while its process lives, however long an effect takes

DULL = frozenset({Deed.EMPTY, Deed.REPORT})  # told only when they go wrong


@dataclass(frozen=True)
class Done:
    """A step, and why it did not come about; empty: it did."""

    pool: str
    step: Step
    error: str = ""


@dataclass(frozen=True)
class _Hand:
    """`nonce` is another word each time."""

    ports: Ports
    lease: Lease
    nonce: Callable[[], str]

    def check(self) -> None:
        """Before each effect: who lost the lease meanwhile, since its process stood still, does no more."""
        if not self.ports.leases.extend(self.lease, TTL):
            raise Stopped(f"{self.lease.owner} lost the lease {KEY}; another scheduler looks after pools.")

    def save(self, machine: Machine) -> Machine:
        self.ports.pools.save(machine, self.lease)
        return machine

    def move(self, machine: Machine, event: Event, why: str = "") -> Machine:
        return self.save(machine.after(event, self.ports.clock.now(), why))

    def note(self, action: str, machine: str, why: str) -> None:
        self.ports.audit.note(BY, action, f"machine {machine}", why)


def carry(owner: str, nonce: Callable[[], str], ports: Ports) -> tuple[Done, ...]:
    """What was done, and what went wrong; nothing while another process is at it."""
    if not ports.settings.pools:
        return ()
    lease = ports.leases.take(KEY, owner, TTL)
    if lease is None:
        return ()
    hand = _Hand(ports, lease, nonce)
    try:
        return tuple(done for pool in ports.settings.pools.values() for done in _carry(pool, hand))
    finally:
        ports.leases.give_back(lease)


def _carry(pool: Pool, hand: _Hand) -> list[Done]:
    hand.check()
    sight = look(pool, hand.ports)
    found = plan(sight, hand.ports.clock.now())
    done = [_done(step, sight, hand) for step in found.steps]
    if sight.forced and not found.changes and not found.held:
        hand.ports.pools.settle(pool.name)
    return [one for one in done if one.error or one.step.deed not in DULL]


def _done(step: Step, sight: Sight, hand: _Hand) -> Done:
    hand.check()
    try:
        wished = DEEDS[step.deed](step, sight, hand)
    except Stopped:
        raise
    except (ShipwayError, Waits) as error:
        known = _complain(step, str(error), hand)
        quiet = isinstance(error, Waits) or known
        return Done(
            sight.pool.name, replace(step, deed=Deed.EMPTY) if quiet else step, "" if quiet else str(error)
        )
    if wished is not None:
        return _done(replace(step, deed=Deed.LAUNCH, machine=wished), sight, hand)
    return Done(sight.pool.name, step)


def _complain(step: Step, error: str, hand: _Hand) -> bool:
    """Onto the machine, as it stands in the book by now. Was that known already?"""
    machines = hand.ports.pools.machines() if step.machine else ()
    found = next((m for m in machines if step.machine and m.id == step.machine.id), None)
    if found is None or found.error == error:
        return found is not None
    hand.save(replace(found, error=error))
    return False


# ------------------------------------------------------------------------------------------------ they come


def _wish(step: Step, sight: Sight, hand: _Hand) -> Machine:
    pool, ports, wish, now = sight.pool, hand.ports, hand.nonce(), hand.ports.clock.now()
    machine = Machine(pool.name, wish, now, now, why=step.why)
    text = ports.invites.user_data(pool, machine.name, pool.join_within + ASK_AGAIN.total_seconds())
    order = ordered(pool, wish, machine.name, text, now)
    machine = ports.pools.wish(replace(machine, release_at=order.release_at), order, hand.lease)
    hand.note("pool.launch", machine.name, step.why)
    return machine


def _launch(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = _of(step)
    if machine.state is State.WISHED:
        machine = hand.move(machine, Event.ASK)
    order = hand.ports.pools.order(machine.id)
    hand.check()
    try:
        instance = hand.ports.clouds[sight.pool.name].launch(order)
    except (Rejected, BadConfig):
        hand.save(replace(machine, failed=True))
        raise
    made = machine.after(Event.MADE, hand.ports.clock.now())
    hand.save(replace(made, instance=instance, failed=False))


def _found(step: Step, sight: Sight, hand: _Hand) -> None:
    found = sight.instance_of(_of(step))
    made = _of(step).after(Event.MADE, hand.ports.clock.now())
    hand.save(replace(made, instance=step.instance, failed=False, address=found.address if found else ""))


def _give_up(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = _of(step).after(Event.GIVEN_UP, hand.ports.clock.now())
    hand.ports.invites.revoke(machine.name)
    hand.save(replace(machine, failed=True, error=step.why))
    hand.note("pool.give_up", machine.name, step.why)


def _ready(step: Step, sight: Sight, hand: _Hand) -> None:
    machine, found = _of(step), sight.instance_of(_of(step))
    let_in(machine, sight, hand.ports)
    now = hand.ports.clock.now()
    address = found.address if found else machine.address
    hand.save(replace(machine.after(Event.JOINED, now), ready_at=now, address=address))
    hand.note("pool.ready", machine.name, step.why)


def _extend(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = _of(step)
    until = hand.ports.clock.now() + timedelta(seconds=sight.pool.fuse)
    hand.ports.clouds[sight.pool.name].extend(machine.instance, until)
    hand.save(replace(machine, release_at=until))


# ------------------------------------------------------------------------------------------------ they go


def _leave(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = hand.move(replace(_of(step), failed=step.failed), Event.LEAVE, step.why)
    if machine.state is State.GONE:
        hand.ports.invites.revoke(machine.name)
        return
    hand.note("pool.leave", machine.name, step.why)
    _empty(replace(step, machine=machine), sight, hand)


def _empty(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = _of(step)
    try:
        take_out(machine, sight, hand.ports.clock.now(), hand.ports)
    except Conflict as error:
        if not must_go(machine, sight):
            hand.move(machine, Event.STAY)
            hand.note("pool.stay", machine.name, str(error))
        raise
    hand.check()
    hand.ports.clouds[sight.pool.name].terminate([machine.instance])


def _gone(step: Step, sight: Sight, hand: _Hand) -> None:
    machine = hand.move(_of(step), Event.DELETED)
    hand.ports.invites.revoke(machine.name)
    hand.note("pool.gone", machine.name, machine.why)


def _sweep(step: Step, sight: Sight, hand: _Hand) -> None:
    hand.ports.clouds[sight.pool.name].terminate([step.instance])
    hand.note("pool.sweep", step.instance, step.why)
    hand.ports.notices.tell(f"Pool {sight.pool.name}: {step.instance} was deleted", f"{step.why}.")


def _report(step: Step, sight: Sight, hand: _Hand) -> None:
    """Whoever looks at the plan sees it."""


def _of(step: Step) -> Machine:
    if step.machine is None:
        raise Conflict(f"The step {step.deed} names no machine.")
    return step.machine


DEEDS: dict[Deed, Callable[[Step, Sight, _Hand], Machine | None]] = {
    Deed.WISH: _wish,
    Deed.LAUNCH: _launch,
    Deed.FOUND: _found,
    Deed.GIVE_UP: _give_up,
    Deed.READY: _ready,
    Deed.EXTEND: _extend,
    Deed.LEAVE: _leave,
    Deed.EMPTY: _empty,
    Deed.GONE: _gone,
    Deed.SWEEP: _sweep,
    Deed.REPORT: _report,
}
