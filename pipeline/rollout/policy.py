"""How a release is brought onto an environment. Durations in seconds; every default's reason is in docs/rollout.md."""

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


class OnFailure(StrEnum):
    ROLLBACK = "rollback"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True)
class Policy:
    """`rollout:` of an environment. `batch` is a number of hosts; a percentage is resolved by `batch_of`."""

    order: Order = Order.START_FIRST
    batch: int | str = 1  # 2 or "25%"
    canary: int = 0
    min_healthy: int | None = None  # hosts in rotation; None: all but one batch
    healthy_for: float = 5.0
    deadline: float = 120.0  # a host, from its first start to its switch
    prepare_deadline: float = 600.0
    bake: float = 10.0
    drain_timeout: float = 30.0
    on_failure: OnFailure = OnFailure.ROLLBACK
    keep: int = 5  # releases whose images stay on the hosts; last_good always
    unreachable_grace: float = 60.0

    def batch_of(self, hosts: int) -> int:
        """Hosts worked on at once: percentages round down, never below one."""
        if isinstance(self.batch, int):
            return max(1, self.batch)
        return max(1, hosts * int(self.batch.rstrip("%")) // 100)
