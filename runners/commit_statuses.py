"""Commit statuses of forges that took over GitHub's API: four states, and nothing about environments or comments."""

from abc import ABC, abstractmethod

from pipeline.fleet.service import Repository
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, State
from runners.forge_rest import Bearer, post

# They know neither cancelled nor (Gitea before 1.24) skipped.
STATES = {
    State.PENDING: "pending",
    State.RUNNING: "pending",
    State.SUCCEEDED: "success",
    State.SKIPPED: "success",
    State.FAILED: "failure",
    State.CANCELLED: "error",
}


class CommitStatuses(ABC):
    """Implements the port `Reporter`; a forge says where its API is, and how its token is sent."""

    longest = 140  # characters of a description
    scheme = "Bearer"
    accept = "application/json"
    advice = ""

    @abstractmethod
    def api(self, repository: Repository) -> str:
        """Where its API begins, without a slash behind."""

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        body = {
            "state": STATES[status.state],
            "target_url": status.link,
            "description": status.text[: self.longest],
            "context": status.context,
        }
        url = f"{self.api(repository)}/repos/{repository.project}/statuses/{status.commit}"
        post(url, body, Bearer(self.scheme, repository), repository, self.accept, self.advice)
        return ""

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        return ""

    def comment(self, repository: Repository, comment: Comment) -> None:
        return None
