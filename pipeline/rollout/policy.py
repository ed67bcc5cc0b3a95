"""How a release is brought onto an environment. Durations in seconds; every default's reason is in docs/rollout.md."""

from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.fleet.metric import Criterion


class Order(StrEnum):
    START_FIRST = "start-first"
    STOP_FIRST = "stop-first"


class OnFailure(StrEnum):
    ROLLBACK = "rollback"
    PAUSE = "pause"
    STOP = "stop"


class Approve(StrEnum):
    """When a person is asked before more hosts follow."""

    NONE = "none"
    FIRST_HOST = "first-host"
    BATCH = "batch"


class Waves(StrEnum):
    REGION = "region"
    NONE = "none"


@dataclass(frozen=True)
class Compare:
    """How much worse than the release before it a new one may look to its proxies. Reasons: docs/rollout.md."""

    errors: float = 0.05  # its share of 5xx answers, above the other's
    latency: float = 3.0  # times the other's mean
    min_requests: int = 20  # with fewer, health alone decides


@dataclass(frozen=True)
class Policy:
    """`rollout:` of an environment. Shares such as "25%" are resolved by the methods, and round down."""

    order: Order = Order.START_FIRST
    batch: int | str = 1  # hosts worked on at once: 2 or "25%"
    canary: int = 0
    canary_bake: float | None = None  # None: as `bake`
    canary_promote: bool = False  # True: by itself, when the canaries have baked
    approve: Approve = Approve.NONE
    approve_within: float = 86400.0  # not approved by then: it goes back
    waves: Waves = Waves.REGION
    singleton: bool = False  # never two replicas at a time, wherever they are
    min_healthy: int | None = None  # hosts that stay in rotation
    max_unavailable: int | str | None = None  # hosts out of rotation at once; neither of both: one batch
    healthy_for: float = 5.0
    deadline: float = 120.0  # a host, from its first start to its switch
    prepare_deadline: float = 600.0
    bake: float = 10.0
    drain_timeout: float = 30.0
    on_failure: OnFailure = OnFailure.ROLLBACK
    keep: int = 5  # releases whose images stay on the hosts; last_good always
    unreachable_grace: float = 60.0
    compare: Compare | None = Compare()  # None: off
    metrics: tuple[Criterion, ...] = ()

    @property
    def stops_first(self) -> bool:
        return self.singleton or self.order is Order.STOP_FIRST

    def at_once(self) -> "Policy":
        """For a release that was good here before: all hosts together and nobody is asked. As many stay in rotation as
        ever; where that means that a host leaves before it is done, the way back goes in the usual batches."""
        if self.stops_first:
            return self
        away = (
            self.batch if self.max_unavailable is None and self.min_healthy is None else self.max_unavailable
        )
        return replace(
            self, batch="100%", max_unavailable=away, canary=0, approve=Approve.NONE, waves=Waves.NONE
        )

    def batch_of(self, hosts: int) -> int:
        """Hosts worked on at once, never below one."""
        return max(1, _share(self.batch, hosts))

    def needed_of(self, hosts: int) -> int:
        """Hosts that stay in rotation whatever we do: the stricter of what is said."""
        if self.max_unavailable is None and self.min_healthy is not None:
            return self.min_healthy
        away = self.batch if self.max_unavailable is None else self.max_unavailable
        return max(0, hosts - max(1, _share(away, hosts)), self.min_healthy or 0)


def _share(value: int | str, hosts: int) -> int:
    return value if isinstance(value, int) else hosts * int(value.rstrip("%")) // 100
