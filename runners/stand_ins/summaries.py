"""What the books in memory say of many places at once. Keeps the contracts of `pipeline.summaries`."""

from collections.abc import Collection, Iterable, Mapping

from pipeline.rollout.deployment import Deployment, DeploymentSummary, Status
from pipeline.rollout.release import Release, ReleaseSummary
from pipeline.summaries import Place


def newest_deployments(
    rows: Iterable[Deployment], places: Collection[Place], limit: int
) -> dict[Place, list[DeploymentSummary]]:
    found: dict[Place, list[DeploymentSummary]] = {}
    for one in sorted(rows, key=lambda d: d.id, reverse=True):
        place = one.service, one.environment
        if place in places and len(found.get(place, [])) < limit:
            found.setdefault(place, []).append(deployment_summary(one))
    return found


def deployment_summary(one: Deployment) -> DeploymentSummary:
    succeeded = one.status is Status.SUCCEEDED
    return DeploymentSummary(
        one.id,
        one.release.number,
        one.status,
        one.created_at,
        one.finished_at,
        one.settled or succeeded,
        "" if succeeded else one.error,
    )


def release_summaries(
    rows: Mapping[tuple[str, int], Release], wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], ReleaseSummary]:
    return {
        key: ReleaseSummary(*key, one.commit, one.ref, one.run, one.created_at, one.image)
        for key in wanted
        if (one := rows.get(key)) is not None
    }
