"""What pools need from the world outside: a cloud's machines, and the text with which one of them joins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from pipeline.errors import Rejected
from pipeline.pools.order import Instance, Order
from pipeline.pools.pool import Pool


class Compute(Protocol):
    """One pool's machines at its cloud. It only translates. Throttling and 5xx are tried again for a bounded time; then
    `Unreachable`, and whatever was asked for may have been done all the same. What is refused for good is `Rejected`."""

    def launch(self, order: Order) -> str:
        """The id of the one machine of this wish: asked twice, the cloud makes one and names it twice. `Rejected` also when
        the same wish was once asked for in other words."""

    def rehearse(self, order: Order) -> None:
        """Raises `Rejected` when the cloud would refuse this order: its image, size, network, quota, our rights. Makes nothing.
        Silent where a cloud cannot say so beforehand."""

    def instances(self) -> Sequence[Instance]:
        """All that carry this installation's and this pool's tags, as the cloud has them now. Those that are deleted are
        not among them. One that was just made may be missing for a while."""

    def extend(self, instance: str, until: datetime) -> None:
        """Its cloud deletes it only then. Nothing, where clouds cannot do that."""

    def terminate(self, instances: Sequence[str]) -> None:
        """For good. Absent is fine; one without this installation's and pool's tags is `Rejected`, and then none is touched."""


class Invites(Protocol):
    """Lets machines of a pool join."""

    def user_data(self, pool: Pool, name: str, seconds: float) -> str:
        """What a new machine runs at its first start, so that it joins under this name, within the time: cloud-init's
        `#cloud-config` or a script. It holds a token that is good once."""

    def revoke(self, host: str) -> None:
        """Its certificate and its invitation are good for nothing from now on. One that never joined is fine."""


class NoInvites:
    """Nobody may join."""

    def user_data(self, pool: Pool, name: str, seconds: float) -> str:
        raise Rejected(
            f"Pool {pool.name} can make no machine: nobody may join. Set `enrolment` in shipway.yml (docs/hosts.md)."
        )

    def revoke(self, host: str) -> None:
        return
