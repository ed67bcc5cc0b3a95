"""What a stage's driver is given, so that it may die anywhere: books of its own, and leases and commits as places to die."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pipeline.rollout.deployment import Deployment
from runners.stand_ins.books import MemoryDeployments, MemoryFleet, MemoryLeases, MemoryReleases, MemoryRoutes
from runners.stand_ins.time import VirtualClock


class Crash(BaseException):
    """The driver's process is gone."""


@dataclass
class Logs:
    text: dict[int, str] = field(default_factory=dict)

    def append(self, run_id: int, stage: str, text: str) -> None:
        self.text[run_id] = self.text.get(run_id, "") + text

    def close(self, run_id: int, stage: str) -> None: ...

    def hide(self, secrets: Any) -> None: ...

    def masked(self, text: str) -> str:
        return text


@dataclass
class Notices:
    told: list[str] = field(default_factory=list)

    def tell(self, title: str, text: str) -> None:
        self.told.append(f"{title}: {text}")


@dataclass
class Books:
    leases: Any
    releases: Any
    deployments: Any
    routes: Any
    fleet: Any
    expire: Callable[[], None]  # all leases, as if much time had passed
    close: Callable[[], None] = lambda: None


def memory_books(clock: VirtualClock) -> Books:
    leases = MemoryLeases(clock)

    def expire() -> None:
        leases.rows = {key: replace(row, until=clock.now()) for key, row in leases.rows.items()}

    return Books(
        leases,
        MemoryReleases(),
        MemoryDeployments(leases, clock),
        MemoryRoutes(leases),
        MemoryFleet(clock),
        expire,
    )


class Mortal(Protocol):
    """Whoever drives: `reach` is where it may die."""

    dead: bool

    def reach(self, where: str) -> None: ...


class MortalLeases:
    """A dead driver gives nothing back."""

    def __init__(self, stage: Mortal, inner: Any) -> None:
        self.stage, self.inner = stage, inner

    def take(self, key: str, owner: str, ttl: float) -> Any:
        return self.inner.take(key, owner, ttl)

    def extend(self, lease: Any, ttl: float) -> Any:
        self.stage.reach(f"extend {lease.key}")
        return self.inner.extend(lease, ttl)

    def give_back(self, lease: Any) -> None:
        if not self.stage.dead:
            self.inner.give_back(lease)


class MortalDeployments:
    """Each commit is a place to die."""

    def __init__(self, stage: Mortal, inner: Any) -> None:
        self._stage, self._inner = stage, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def save(self, deployment: Deployment, happenings: Any, lease: Any) -> None:
        self._stage.reach(f"commit {deployment.status}")
        self._inner.save(deployment, happenings, lease)
