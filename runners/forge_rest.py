"""One POST to a forge that has no SDK here: with a timeout, its errors as ours. Never tries again, follows no redirect."""

from typing import Any

import requests
from requests.auth import AuthBase

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.fleet.service import Repository

TIMEOUT = (5.0, 10.0)  # seconds to connect, and to answer
LATER = frozenset({408, 409, 425, 429})


class Bearer(AuthBase):
    """As an object, since requests would else send what ~/.netrc has."""

    def __init__(self, scheme: str, repository: Repository) -> None:
        self._header = f"{scheme} {repository.token.reveal()}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


def post(
    url: str, body: dict[str, Any], auth: AuthBase, repository: Repository, accept: str, advice: str
) -> None:
    """`advice`: which rights the token needs there."""
    where = url.partition("/repos/")[0]
    try:
        answer = requests.post(
            url, json=body, auth=auth, timeout=TIMEOUT, headers={"Accept": accept}, allow_redirects=False
        )
    except requests.RequestException as error:
        raise Unreachable(f"{where} does not answer ({type(error).__name__}).") from error
    if answer.status_code not in (200, 201):
        raise _refusal(answer, where, repository.project, advice)


def _refusal(answer: requests.Response, where: str, project: str, advice: str) -> RunnerError:
    code, said = answer.status_code, " ".join(answer.text.split())[:200].rstrip(".")
    # GitHub says 403 for a rate limit: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    limited = code == 403 and (
        answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    )
    if code >= 500 or code in LATER or limited:
        return Unreachable(f"{where} answered {code}: {said}.")
    if code in (401, 403, 404):
        return Rejected(
            f"{where} refused a commit status of {project} ({code}: {said}). {advice} Write it under `token` of the "
            "repository, or set `reports: false` there."
        )
    return Rejected(f"{where} refused a commit status of {project} ({code}: {said}).")
