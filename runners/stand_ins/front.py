"""One proxy in memory: what it serves, and what it counted of the users who came meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.fleet.proxy import Backend, BackendState

USERS = 30.0  # requests a second to each replica in rotation


@dataclass
class Counts:
    """Of one address, since it was added. Floats, so that no look is too short to count."""

    requests: float = 0.0
    errors: float = 0.0
    waited: float = 0.0  # seconds, all answers together


@dataclass
class Front:
    """One proxy as it serves. `leaving`: addresses out of rotation that may still have requests, and since when."""

    running: bool = False
    installation: str = ""  # the Shipway that made it
    generation: int = 0
    backends: tuple[Backend, ...] = ()
    leaving: dict[str, datetime] = field(default_factory=dict)
    refuses: bool = False  # its configuration does not load
    stuck: bool = False  # it does not reload
    users: float = USERS
    held: set[str] = field(default_factory=set)  # it is back, and these have not answered it yet
    counts: dict[str, Counts] = field(default_factory=dict)
    counted_at: datetime | None = None

    def ready(self) -> set[str]:
        return {b.address for b in self.backends if b.state is BackendState.READY}

    def load(self, generation: int, backends: tuple[Backend, ...], now: datetime) -> None:
        before = self.ready()
        self.running, self.generation, self.backends = True, generation, backends
        stays = {address: since for address, since in self.leaving.items() if address not in self.ready()}
        self.leaving = stays | dict.fromkeys(before - self.ready(), now)
        self.counted_at = self.counted_at or now

    def users_come(self, now: datetime, reached: bool, answer: Callable[[str], tuple[bool, float]]) -> None:
        """Since the last time, to every replica in rotation. `answer`: is it a good one, and after how many seconds?"""
        if self.running and reached and self.counted_at is not None:
            asked = (now - self.counted_at).total_seconds() * self.users
            for backend in self.backends:
                if backend.state is BackendState.READY:
                    good, seconds = answer(backend.address)
                    counts = self.counts.setdefault(backend.address, Counts())
                    counts.requests += asked
                    counts.errors += 0.0 if good else asked
                    counts.waited += asked * seconds
        self.counted_at = now

    def figures(self, address: str) -> tuple[int, int, float | None]:
        """Requests, errors and the mean time to an answer, as a `BackendSeen` has them."""
        counts = self.counts.get(address, Counts())
        mean = counts.waited / counts.requests if counts.requests else None
        return int(counts.requests), int(counts.errors), mean
