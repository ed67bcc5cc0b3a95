"""The webhooks of a repository at GitHub, Gitea or Forgejo, as they answer: address, on or off, how the last call went.

Reads only. https://docs.github.com/rest/repos/webhooks, https://docs.gitea.com/api/1.24/#tag/repository/operation/repoListHooks.
"""

from dataclasses import dataclass
from typing import Any

import requests

from pipeline.errors import Forbidden, Rejected, Unreachable
from pipeline.fleet.service import Repository
from runners.forge_rest import TIMEOUT, Bearer
from runners.reporters.gitea import GiteaReporter
from runners.reporters.github import GitHubReporter

FORGES = {"github": GitHubReporter, "gitea": GiteaReporter}


@dataclass(frozen=True)
class WebHookSeen:
    """`trouble`: how the last call went wrong; only GitHub tells."""

    url: str
    active: bool
    trouble: str = ""


def look_at_webhooks(repository: Repository) -> list[WebHookSeen]:
    """Raises `Forbidden` when the token may not see them, `Rejected` when it is wrong, `Unreachable`."""
    forge = FORGES[repository.forge]()
    url = f"{forge.api(repository)}/repos/{repository.project}/hooks"
    headers, auth = {"Accept": forge.accept}, Bearer(forge.scheme, repository)
    try:
        answer = requests.get(url, auth=auth, timeout=TIMEOUT, headers=headers, allow_redirects=False)
        read = answer.json() if answer.status_code == 200 else []
    except (requests.RequestException, ValueError) as error:
        raise Unreachable(
            f"{url.partition('/repos/')[0]} does not answer ({type(error).__name__})."
        ) from error
    if answer.status_code == 401:
        raise Rejected(
            f"{url} refused the token of {repository.project}. Write a valid one under `token` there."
        )
    if answer.status_code in (403, 404):
        raise Forbidden(f"The token of {repository.project} may not see webhooks.")
    if answer.status_code != 200 or not isinstance(read, list):
        raise Unreachable(f"{url} answered {answer.status_code}. Try again later.")
    return [_seen(hook) for hook in read]


def _seen(hook: Any) -> WebHookSeen:
    last = hook.get("last_response") or {}
    code = last.get("code")
    wrong = code is not None and not 200 <= int(code) < 300
    trouble = f"{code} {last.get('message') or last.get('status') or ''}".strip() if wrong else ""
    return WebHookSeen(str((hook.get("config") or {}).get("url", "")), bool(hook.get("active")), trouble)
