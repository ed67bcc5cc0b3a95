"""FLOW: looks at every place where things pile up, judges, and removes what nobody needs. Says all of it.

One at a time for an installation, by a lease. What is needed is read again from the books before each removal, so that a
deployment which began in the meantime keeps its images. What cannot be looked at or removed is a sentence, never an end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.errors import Conflict, ShipwayError
from pipeline.lease import Lease
from pipeline.ports import Ports, Shelf
from pipeline.retention.judge import Basis, judge, ranked
from pipeline.retention.need import needed, released
from pipeline.retention.thing import Verdict

KEY = "retention"
TTL = 120.0  # seconds; extended before each removal, and one takes less


@dataclass(frozen=True)
class Done:
    """What became of one thing. `error`: why a goer is still there."""

    verdict: Verdict
    removed: bool = False
    error: str = ""


@dataclass(frozen=True)
class Pruned:
    """`troubles`: what could not be looked at, one sentence each."""

    done: tuple[Done, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def goers(self) -> tuple[Done, ...]:
        return tuple(one for one in self.done if one.verdict.goes)

    @property
    def removed(self) -> tuple[Done, ...]:
        return tuple(one for one in self.done if one.removed)


def survey(ports: Ports) -> Pruned:
    """The dry run: everything that would go, and why the rest stays. Changes nothing."""
    basis = _basis(ports)
    return _gathered(ports.hands.each([_look_job(shelf, basis) for shelf in ports.shelves]))


def prune(owner: str, ports: Ports) -> Pruned:
    """Raises `Conflict` while another one is under way, or restored books do not say yet what is needed."""
    if ports.recovery.awaited():
        raise Conflict(
            "Restored books are being compared with what runs: nothing is removed before. Ask again in a minute."
        )
    lease = ports.leases.take(KEY, owner, TTL)
    if lease is None:
        raise Conflict("Another prune is under way. Wait until it is done, then ask again.")
    try:
        basis = _basis(ports)
        return _gathered(ports.hands.each([_tidy_job(s, basis, lease, ports) for s in ports.shelves]))
    finally:
        ports.leases.give_back(lease)


def make_room(disk: str, owner: str, ports: Ports) -> Pruned:
    """The same for one disk that is full. While somebody else is at it there, nothing is done here."""
    mine = [shelf for shelf in ports.shelves if shelf.disk == disk]
    lease = ports.leases.take(f"{KEY}:{disk}", owner, TTL) if mine else None
    if lease is None:
        return Pruned()
    try:
        basis = _basis(ports)
        return _gathered(ports.hands.each([_tidy_job(s, basis, lease, ports) for s in mine]))
    finally:
        ports.leases.give_back(lease)


def _basis(ports: Ports) -> Basis:
    need = needed(ports)
    return Basis(ports.settings.retention, ports.clock.now(), need, released(need.services, ports))


def _look_job(shelf: Shelf, basis: Basis) -> Callable[[], list[Done]]:
    def work() -> list[Done]:
        things = shelf.things()
        return [Done(verdict) for verdict in judge(things, ranked(basis, things))]

    return work


def _tidy_job(shelf: Shelf, basis: Basis, lease: Lease, ports: Ports) -> Callable[[], list[Done]]:
    def work() -> list[Done]:
        things = shelf.things()
        known = ranked(basis, things)
        verdicts = judge(things, known)
        return [_settled(v, shelf, known, lease, ports) if v.goes else Done(v) for v in verdicts]

    return work


def _settled(verdict: Verdict, shelf: Shelf, basis: Basis, lease: Lease, ports: Ports) -> Done:
    """Only while the lease is ours, and only what would still go by the books of this moment."""
    try:
        if not ports.leases.extend(lease, TTL):
            return Done(verdict, error="Left: another prune took over while this one slept.")
        for again in judge([verdict.thing], replace(basis, need=needed(ports))):
            if not again.goes:
                return Done(again)
        shelf.remove(verdict)
    except ShipwayError as error:
        return Done(verdict, error=str(error))
    return Done(verdict, removed=True)


def _gathered(looks: Sequence[list[Done] | Exception]) -> Pruned:
    done = [one for look in looks if not isinstance(look, Exception) for one in look]
    return Pruned(tuple(done), tuple(str(look) for look in looks if isinstance(look, Exception)))
