"""Counts what proxies saw of a replica while a rollout looks at it. Nouns and their sums; no verdict is made here.

A proxy's own counters may begin anew (a restart, a reload, a process that leaves): what they fall by is not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt

from pipeline.fleet.proxy import BackendSeen

SURE = 2.58  # standard deviations: one in two hundred good releases of that many requests would look worse by chance


@dataclass(frozen=True)
class Tally:
    """One address behind one site. `at_requests`, `at_errors`: the site's own counters at the last look."""

    site: str
    address: str
    release: int
    requests: int = 0
    errors: int = 0
    mean: float | None = None  # seconds until an answer begins
    at_requests: int = 0
    at_errors: int = 0

    def counted(self, seen: BackendSeen, void: bool) -> "Tally":
        """With what came since the last look. `void`: the host was away in between, so that its errors say nothing."""
        requests, errors = seen.requests or 0, seen.errors or 0
        mean = self.mean if seen.mean is None else seen.mean
        if (requests, errors, mean) == (self.at_requests, self.at_errors, self.mean):
            return self
        grown = 0 if void else max(0, requests - self.at_requests)
        wrong = 0 if void else max(0, errors - self.at_errors)
        return replace(
            self,
            requests=self.requests + grown,
            errors=self.errors + min(grown, wrong),
            mean=mean,
            at_requests=requests,
            at_errors=errors,
        )


@dataclass(frozen=True)
class Figures:
    """Several tallies together."""

    requests: int = 0
    errors: int = 0
    mean: float | None = None

    @property
    def share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    @property
    def surely(self) -> float:
        """The share of errors that is certain whatever chance did: the lower end of Wilson's interval."""
        if not self.requests:
            return 0.0
        n, p, z = self.requests, self.share, SURE
        middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (middle - spread) / (1 + z * z / n))


def together(tallies: Iterable[Tally]) -> Figures:
    """Means are weighted by their requests; those that a proxy could not tell are left out."""
    found = [tally for tally in tallies if tally.requests]
    timed = [(tally.mean, tally.requests) for tally in found if tally.mean is not None]
    weight = sum(requests for _, requests in timed)
    mean = sum(mean * requests for mean, requests in timed) / weight if weight else None
    return Figures(sum(t.requests for t in found), sum(t.errors for t in found), mean)
