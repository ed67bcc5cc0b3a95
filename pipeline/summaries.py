"""What the books say of many places at once: ports of the database, each a few statements whatever their number.

`pipeline.books` adds them to its books; the contract of `ports.py` holds here too. What is asked of one place alone
stands there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

from pipeline.delivery.run import RunSummary
from pipeline.rollout.deployment import Deployment, DeploymentSummary, EnvironmentState
from pipeline.rollout.release import ReleaseSummary

Place: TypeAlias = tuple[str, str]  # service, environment


class DeploymentSummaries(Protocol):
    def environments(self, places: Collection[Place]) -> Mapping[Place, EnvironmentState]:
        """Of each of them, as they were at one moment; those that the books do not know are empty."""

    def under_way(self) -> Sequence[Deployment]:
        """All that are not over, newest first."""

    def newest(self, places: Collection[Place], limit: int) -> Mapping[Place, Sequence[DeploymentSummary]]:
        """At most `limit` of each place, newest first, whatever their status; places without one are left out."""


class RunSummaries(Protocol):
    def newest(self, places: Collection[Place], limit: int) -> Mapping[Place, Sequence[RunSummary]]:
        """As those of deployments. Runs of merge requests are of no place."""

    def messages(self, runs: Collection[int]) -> Mapping[int, str]:
        """Their commits' messages; of runs that are kept no more there is none."""


class ReleaseSummaries(Protocol):
    def summaries(self, wanted: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], ReleaseSummary]:
        """By service and number. No secret is opened for it; what the books do not know is left out."""
