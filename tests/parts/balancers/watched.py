"""A wire that is looked at: what it was told, that no call was empty or too large, that no two changes overlapped."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.fleet.balancer import Capabilities, Target
from runners.membership import Reading, Wire


class Watched:
    """Implements `runners.membership.Wire` over another."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.batch = wire.batch
        self.keeps_parked = wire.keeps_parked
        self.changes: list[tuple[str, tuple[Target, ...]]] = []
        self.faults: list[str] = []
        self._busy = threading.Lock()

    def capabilities(self) -> Capabilities:
        return self._wire.capabilities()

    def read(self) -> Reading:
        return self._wire.read()

    def check(self, target: Target) -> None:
        self._wire.check(target)

    def adoption(self, targets: Sequence[Target]) -> str:
        return self._wire.adoption(targets)

    def park(self, targets: Sequence[Target]) -> None:
        with self._told("park", targets):
            self._wire.park(targets)

    def admit(self, targets: Sequence[Target]) -> None:
        with self._told("admit", targets):
            self._wire.admit(targets)

    def add(self, targets: Sequence[Target]) -> None:
        with self._told("add", targets):
            self._wire.add(targets)

    def remove(self, targets: Sequence[Target]) -> None:
        with self._told("remove", targets):
            self._wire.remove(targets)

    @contextmanager
    def _told(self, verb: str, targets: Sequence[Target]) -> Iterator[None]:
        self.changes.append((verb, tuple(targets)))
        if not 1 <= len(targets) <= self.batch:
            self.faults.append(f"{verb} of {len(targets)}")
        if not self._busy.acquire(blocking=False):
            self.faults.append(f"{verb} while another change was made")
            yield
            return
        try:
            yield
        finally:
            self._busy.release()
