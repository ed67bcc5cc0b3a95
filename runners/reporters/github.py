"""GitHub: commit statuses. They know neither cancelled nor skipped, and 140 characters.

https://docs.github.com/rest/commits/statuses
"""

from pipeline.fleet.service import Repository
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, State
from runners.forge_address import web_address
from runners.forge_rest import Bearer, post

LONGEST = 140
STATES = {
    State.PENDING: "pending",
    State.RUNNING: "pending",
    State.SUCCEEDED: "success",
    State.SKIPPED: "success",
    State.FAILED: "failure",
    State.CANCELLED: "error",
}
ADVICE = "The token must be valid and have the right to write commit statuses (classic: `repo:status`)."


class GitHubReporter:
    """Implements the port `Reporter`; statuses only."""

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        body = {
            "state": STATES[status.state],
            "target_url": status.link,
            "description": status.text[:LONGEST],
            "context": status.context,
        }
        url = f"{_api(repository)}/repos/{repository.project}/statuses/{status.commit}"
        post(url, body, Bearer("Bearer", repository), repository, "application/vnd.github+json", ADVICE)
        return ""

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        return ""

    def comment(self, repository: Repository, comment: Comment) -> None: ...


def _api(repository: Repository) -> str:
    """github.com has a host of its own for it; GitHub Enterprise a path."""
    address = web_address(repository)
    return "https://api.github.com" if address == "https://github.com" else f"{address}/api/v3"
