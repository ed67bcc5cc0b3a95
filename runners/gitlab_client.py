"""python-gitlab with timeouts, and its errors as ours. Never waits and never tries again: who calls knows when to.

The token travels in a header; it is in no address and no message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import gitlab
import requests
from gitlab.exceptions import GitlabError

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.fleet.service import Repository
from runners.forge_address import web_address

TIMEOUT = 15.0  # seconds; a test of a webhook waits up to 10 for it. python-gitlab's own default is for ever
AT_ONCE: dict[str, Any] = {"obey_rate_limit": False}  # else a 429 is slept out inside the call
LATER = frozenset(
    {408, 409, 425, 429}
)  # 409: GitLab's word for two statuses of one commit at the same moment


class GitLabClients:
    """One client for each address and token, kept: a new one opens a connection for each call."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], gitlab.Gitlab] = {}
        self._lock = Lock()

    def project(self, repository: Repository) -> Any:
        """Without a request. Attributes of python-gitlab are not typed."""
        return self.client(repository).projects.get(repository.project, lazy=True)

    def client(self, repository: Repository) -> gitlab.Gitlab:
        key = (web_address(repository), repository.token.reveal())
        with self._lock:
            if key not in self._clients:
                self._clients[key] = gitlab.Gitlab(
                    key[0], private_token=key[1], timeout=TIMEOUT, keep_base_url=True, user_agent="shipway"
                )
            return self._clients[key]


@contextmanager
def speaking(repository: Repository, what: str) -> Iterator[None]:
    """`what` it was asked to do, as in "GitLab refused to …"."""
    where = f"GitLab at {web_address(repository)}"
    try:
        yield
    except GitlabError as error:
        raise refusal(error, where, repository.project, what) from error
    except requests.RequestException as error:
        raise Unreachable(f"{where} does not answer ({type(error).__name__}), asked to {what}.") from error


def refusal(error: GitlabError, where: str, project: str, what: str) -> RunnerError:
    code, said = error.response_code or 0, _one_line(error.error_message)
    if code >= 500 or code in LATER:
        return Unreachable(f"{where} answered {code} when asked to {what}: {said}.")
    if code == 401:
        return Rejected(
            f"{where} does not know the token of {project} (401): it is wrong, revoked or expired. Make a project "
            "access token with scope `api` there, and write it under `token` of the repository."
        )
    if code == 403:
        return Rejected(
            f"{where} forbids the token of {project} to {what} (403: {said}). It needs the scope `api` and the role "
            "Developer, for webhooks Maintainer; protected environments must allow its user."
        )
    if code == 404:
        return Rejected(
            f"{where} found nothing when asked to {what} (404: {said}). Either {project} is not the project's whole "
            "path, or the token's user is no member of it, or the commit is gone."
        )
    return Rejected(f"{where} refused to {what} ({code or 'no status'}: {said}).")


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:300].rstrip(".")
