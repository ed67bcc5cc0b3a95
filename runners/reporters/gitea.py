"""Gitea and Forgejo: commit statuses, https://docs.gitea.com/api/1.24/#tag/repository/operation/repoCreateStatus."""

from pipeline.fleet.service import Repository
from runners.commit_statuses import CommitStatuses
from runners.forge_address import web_address


class GiteaReporter(CommitStatuses):
    longest = 255
    scheme = "token"
    advice = "The token must be valid and have the scope `write:repository`."

    def api(self, repository: Repository) -> str:
        return f"{web_address(repository)}/api/v1"
