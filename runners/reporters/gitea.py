"""Gitea and Forgejo: commit statuses. `skipped` came late (1.24) and is told as success; cancelled is an `error`.

https://docs.gitea.com/api/1.24/#tag/repository/operation/repoCreateStatus
"""

from pipeline.fleet.service import Repository
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, State
from runners.forge_address import web_address
from runners.forge_rest import Bearer, post

LONGEST = 255
STATES = {
    State.PENDING: "pending",
    State.RUNNING: "pending",
    State.SUCCEEDED: "success",
    State.SKIPPED: "success",
    State.FAILED: "failure",
    State.CANCELLED: "error",
}
ADVICE = "The token must be valid and have the scope `write:repository`."


class GiteaReporter:
    """Implements the port `Reporter`; statuses only."""

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        body = {
            "state": STATES[status.state],
            "target_url": status.link,
            "description": status.text[:LONGEST],
            "context": status.context,
        }
        url = f"{web_address(repository)}/api/v1/repos/{repository.project}/statuses/{status.commit}"
        post(url, body, Bearer("token", repository), repository, "application/json", ADVICE)
        return ""

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        return ""

    def comment(self, repository: Repository, comment: Comment) -> None: ...
