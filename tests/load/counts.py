"""What can become of a request. Every one that was due is counted once: sent = ok + failed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """`failures` by class: connect, timeout, truncated, no_response_fresh, no_response_reused, status_<code>."""

    sent: int = 0
    ok: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)  # X-Version of every whole answer
    connections: int = 0
    idle_closes: int = (
        0  # idle connections that the server closed: no failure, the next request opens another
    )
    late: int = 0  # requests given up before they were due to be sent more than a second late
    slowest: float = 0.0  # seconds
    first_failures: list[tuple[float, str, str]] = field(default_factory=list)  # (clock time, class, target)

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    def fail(self, kind: str, at: float, target: str) -> None:
        self.failures[kind] += 1
        if len(self.first_failures) < 20:
            self.first_failures.append((round(at, 3), kind, target))

    def add(self, other: "Counts") -> "Counts":
        """The sum of both."""
        return Counts(
            self.sent + other.sent,
            self.ok + other.ok,
            self.failures + other.failures,
            self.versions + other.versions,
            self.connections + other.connections,
            self.idle_closes + other.idle_closes,
            self.late + other.late,
            max(self.slowest, other.slowest),
            sorted(self.first_failures + other.first_failures)[:20],
        )

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return self.__dict__ | {"failures": dict(self.failures), "versions": dict(self.versions)}

    @staticmethod
    def of(facts: dict[str, Any]) -> "Counts":
        """Back from JSON."""
        loaded = {"failures": Counter(facts["failures"]), "versions": Counter(facts["versions"])}
        firsts = {"first_failures": [(at, kind, target) for at, kind, target in facts["first_failures"]]}
        return Counts(**facts | loaded | firsts)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.failures.items()))
        return f"{self.sent} requests, {self.failed} failed" + (f" ({kinds})" if kinds else "")
