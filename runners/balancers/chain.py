"""Several load balancers one behind the other, as one: traffic comes in at the outermost, `of[0]`.

Parking at the entrance is enough to keep new requests away. Admission goes from the inside out, so that no request is
let in before the way to its end is open. It never talks to a cloud itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from threading import RLock

from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from pipeline.ports import Balancer

# The worst first: a member is as well as the weakest of its places, and one that gets no requests anywhere is out, however
# well or ill the others find it.
_WORST = (
    MemberState.ABSENT,
    MemberState.DRAINING,
    MemberState.PARKED,
    MemberState.UNKNOWN,
    MemberState.FAILING,
    MemberState.STARTING,
    MemberState.SERVING,
)


class Chain:
    """Implements `pipeline.ports.Balancer` over others; `parts` the outermost first."""

    def __init__(self, entry: LoadBalancer, parts: Sequence[Balancer]) -> None:
        self.entry = entry
        self._parts = tuple(parts)
        self._lock = RLock()

    def capabilities(self) -> Capabilities:
        """Parking is the outermost's; admission passes through all of them, one after the other."""
        each = [part.capabilities() for part in self._parts]
        outermost = each[0]
        return replace(
            outermost,
            health_while_parked=all(one.health_while_parked for one in each),
            batch=min(one.batch for one in each),
            drain=max(one.drain for one in each),
            settle=max(one.settle for one in each),
            healthy_after=sum(one.healthy_after for one in each),
        )

    def members(self) -> dict[Target, Member]:
        """Absent from one of them is absent."""
        each = [part.members() for part in self._parts]
        everywhere = set.intersection(*(set(found) for found in each))
        return {target: _worst(found[target] for found in each) for target in sorted(everywhere)}

    def park(self, targets: Sequence[Target]) -> None:
        with self._lock:
            self._parts[0].park(targets)

    def admit(self, targets: Sequence[Target]) -> None:
        with self._lock:
            for part in reversed(self._parts):
                part.admit(targets)

    def remove(self, targets: Sequence[Target]) -> None:
        """From the entrance inwards, as a request would come."""
        with self._lock:
            for part in self._parts:
                part.remove(targets)


def _worst(members: Iterable[Member]) -> Member:
    found = list(members)
    worst = min(found, key=lambda member: _WORST.index(member.state))
    return replace(worst, ours=all(member.ours for member in found))
