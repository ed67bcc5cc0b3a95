"""What a Prometheus is asked about a release, and what it said. Nouns only."""

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.secret import Secret


@dataclass(frozen=True)
class Criterion:
    """One entry of `rollout.metrics`. In `query`, {service}, {environment} and {release} stand for the release's own."""

    url: str
    query: str
    most: float
    token: Secret = field(default_factory=lambda: Secret(""))

    def about(self, service: str, environment: str, release: int) -> str:
        """The query with its places filled. Nothing else in braces is touched: PromQL is full of them."""
        places = {"service": service, "environment": environment, "release": str(release)}
        query = self.query
        for name, value in places.items():
            query = query.replace("{" + name + "}", value)
        return query


@dataclass(frozen=True)
class Reading:
    """`value` None without an `error`: it has no data. Several series: the largest."""

    query: str
    most: float
    at: datetime
    value: float | None = None
    error: str = ""

    @property
    def over(self) -> bool:
        return self.value is not None and self.value > self.most
