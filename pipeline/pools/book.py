"""What Shipway writes down about pools: a port of the database, beside `pipeline.books`, and of the same contract."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import Conflict
from pipeline.lease import Lease
from pipeline.pools.order import Order
from pipeline.pools.pool import Machine, Wanted


class Pools(Protocol):
    """How many machines are wanted, and those that there are. Writes that name a lease raise `Stopped` with a stale one."""

    def want(self, pool: str, machines: int, why: str, by: str, forced: bool = False) -> Wanted:
        """From now on, until somebody wants another number. Takes any number: `min` and `max` of shipway.yml hold anyway.
        `forced`: a large change may be made at once."""

    def wanted(self, pool: str) -> Wanted | None:
        """None: nobody said; it is the pool's `min`."""

    def settle(self, pool: str) -> None:
        """It has what was wanted: the next large change needs force anew."""

    def machines(self, pool: str = "") -> Sequence[Machine]:
        """Those that are not gone, the oldest first. Empty: of all pools, also of such that are not in shipway.yml."""

    def past(self, pool: str, limit: int = 20) -> Sequence[Machine]:
        """Those that are gone, the newest first."""

    def wish(self, machine: Machine, order: Order, lease: Lease) -> Machine:
        """Writes it down under a new id; durable when this returns. The order is sealed."""

    def order(self, machine: int) -> Order:
        """As it was written. Raises `NotFound` when it was forgotten."""

    def save(self, machine: Machine, lease: Lease) -> None:
        """Everything but the wish itself. The order is forgotten once the machine is known or given up."""


class NoPools:
    """Nobody makes machines."""

    def want(self, pool: str, machines: int, why: str, by: str, forced: bool = False) -> Wanted:
        raise Conflict("This Shipway keeps no pools.")

    def wanted(self, pool: str) -> Wanted | None:
        return None

    def settle(self, pool: str) -> None:
        return

    def machines(self, pool: str = "") -> Sequence[Machine]:
        return ()

    def past(self, pool: str, limit: int = 20) -> Sequence[Machine]:
        return ()

    def wish(self, machine: Machine, order: Order, lease: Lease) -> Machine:
        raise Conflict("This Shipway keeps no pools.")

    def order(self, machine: int) -> Order:
        raise Conflict("This Shipway keeps no pools.")

    def save(self, machine: Machine, lease: Lease) -> None:
        raise Conflict("This Shipway keeps no pools.")
