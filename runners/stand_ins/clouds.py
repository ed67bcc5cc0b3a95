"""A cloud in memory that keeps its word about tokens and tags, and may be asked to lose answers, to be late, or to refuse.

The real ones are `runners.clouds`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.errors import Rejected, ShipwayError
from pipeline.pools.order import Instance, InstanceState, Order
from pipeline.pools.pool import Pool

Hook = Callable[[str], None]


@dataclass
class MemoryCloud:
    """Implements `pipeline.pools.cloud.Compute`. `late`: seconds until its list shows a new machine. `hook` is called before
    and after each effect, and may raise: what was done then stays done. `troubles` are raised by the next launches."""

    pool: Pool
    now: Callable[[], datetime]
    late: float = 0.0
    boot: float = 30.0
    hook: Hook = lambda _: None
    rows: dict[str, Instance] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)  # by wish
    made: list[Instance] = field(default_factory=list)  # also those that are gone
    released: dict[str, datetime] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    troubles: list[ShipwayError] = field(default_factory=list)
    down: ShipwayError | None = None

    def launch(self, order: Order) -> str:
        self._reach("before launch")
        if self.troubles:
            raise self.troubles.pop(0)
        known = self.orders.setdefault(order.wish, order)
        if known != order:
            raise Rejected(
                f"Pool {order.pool}: IdempotentParameterMismatch: this token came with another order."
            )
        found = next((one for one in self.made if one.wish == order.wish), None)
        if found is None:
            found = self._made(order)
        self._reach("after launch")
        return found.id

    def rehearse(self, order: Order) -> None:
        self._reach("before rehearse")
        if self.troubles:
            raise self.troubles[0]

    def instances(self) -> Sequence[Instance]:
        self._reach("list")
        seen = self.now() - timedelta(seconds=self.late)
        self._tick()
        return [
            row
            for row in self.rows.values()
            if row.id not in self.foreign and row.launched_at and row.launched_at <= seen
        ]

    def extend(self, instance: str, until: datetime) -> None:
        self._reach("before extend")
        self.released[instance] = until

    def terminate(self, instances: Sequence[str]) -> None:
        self._reach("before terminate")
        others = [one for one in instances if one in self.foreign]
        if others:
            raise Rejected(f"{', '.join(others)} does not carry the tags of this Shipway.")
        for one in instances:
            self.rows.pop(one, None)
        self._reach("after terminate")

    def change(self, instance: str, **changes: object) -> None:
        self.rows[instance] = replace(self.rows[instance], **changes)  # type: ignore[arg-type]

    def _made(self, order: Order) -> Instance:
        number = len(self.made) + 1
        found = Instance(f"i-{number}", order.wish, InstanceState.STARTING, f"10.0.0.{number}", self.now())
        self.rows[found.id] = found
        self.made.append(found)
        if order.release_at:
            self.released[found.id] = order.release_at
        return found

    def _tick(self) -> None:
        """Machines boot, and those that nobody extended are deleted."""
        for row in list(self.rows.values()):
            if row.id in self.released and self.released[row.id] <= self.now():
                del self.rows[row.id]
            elif row.state is InstanceState.STARTING and row.launched_at:
                booted = self.now() - row.launched_at >= timedelta(seconds=self.boot)
                self.rows[row.id] = replace(row, state=InstanceState.RUNNING) if booted else row

    def _reach(self, where: str) -> None:
        if self.down is not None:
            raise self.down
        self.hook(where)
