"""What one name answers at its provider: every change is read, compared, written and read back, one at a time.

The discipline that all providers share; what one of them can be told is its `Wire`. It never decides what to change.
"""

from collections.abc import Sequence
from threading import RLock
from typing import Protocol

from pipeline.entrances.entrance import Endpoint, Entrance, Record
from pipeline.entrances.plan import Plan, Step, Verb, plan
from pipeline.errors import Conflict, Unreachable
from runners.patience import Patience

_LOOK = 10.0  # seconds for a read alone


class Wire(Protocol):
    """What one provider can be told, call by call. Raises `Unreachable` when trying again may help and `Rejected` when not;
    a change may have been made all the same."""

    def read(self) -> Sequence[Record]:
        """All that the name has, never from a memory; records of others too."""

    def write(self, steps: Sequence[Step]) -> str:
        """In this order, at least one. A token of the change; empty: it has none."""

    def settled(self, token: str) -> bool: ...


class Zone:
    """Implements `pipeline.entrances.book.Dns` over a wire."""

    def __init__(self, entrance: Entrance, wire: Wire, patience: Patience | None = None) -> None:
        self.entrance = entrance
        self._wire = wire
        self._patience = patience or Patience()
        self._glance = Patience(
            min(_LOOK, self._patience.deadline), sleep=self._patience.sleep, clock=self._patience.clock
        )
        self._lock = RLock()

    def plan(
        self, endpoints: Sequence[Endpoint], adopt: bool = False, only: frozenset[str] = frozenset()
    ) -> Plan:
        return plan(self.entrance, endpoints, self._glance.retrying(self._wire.read), adopt, only)

    def apply(self, made: Plan) -> str:
        if not made.steps:
            return ""
        with self._lock:
            return self._patience.retrying(lambda: self._once(made))

    def settled(self, token: str) -> bool:
        return self._glance.retrying(lambda: self._wire.settled(token))

    def _once(self, made: Plan) -> str:
        """Of a try whose answer was lost only what is left is told again."""
        steps = self._left(made)
        self._check_same(made, steps)
        token = self._wire.write(steps) if steps else ""
        left = self._left(made) if steps else ()
        if left:
            said = "; ".join(str(step) for step in left)
            raise Unreachable(
                f"Entrance {self.entrance.name}: it took the change, and this is still left: {said}."
            )
        return token

    def _left(self, made: Plan) -> Sequence[Step]:
        """A record that we just made has no mark yet where marking is a call of its own: it is ours to finish."""
        steps = plan(self.entrance, made.endpoints, self._wire.read(), True, made.only).steps
        mine = {step.region for step in made.steps if step.verb in (Verb.CREATE, Verb.ADOPT)}
        return [step for step in steps if step.verb is not Verb.ADOPT or step.region in mine]

    def _check_same(self, made: Plan, steps: Sequence[Step]) -> None:
        planned = {step.region for step in made.steps}
        new = [step for step in steps if step.region not in planned]
        if new:
            raise Conflict(
                f"Entrance {self.entrance.name}: somebody changed its records since the plan was made "
                f"({'; '.join(str(step) for step in new)}). Nothing was written; look at `shipway regions plan` anew."
            )
