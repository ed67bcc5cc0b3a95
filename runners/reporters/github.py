"""GitHub: commit statuses, https://docs.github.com/rest/commits/statuses."""

from pipeline.fleet.service import Repository
from runners.commit_statuses import CommitStatuses
from runners.forge_address import web_address


class GitHubReporter(CommitStatuses):
    accept = "application/vnd.github+json"
    advice = "The token must be valid and have the right to write commit statuses (classic: `repo:status`)."

    def api(self, repository: Repository) -> str:
        """github.com has a host of its own for it; GitHub Enterprise a path."""
        address = web_address(repository)
        return "https://api.github.com" if address == "https://github.com" else f"{address}/api/v3"
