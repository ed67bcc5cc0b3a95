"""GitLab's REST API as far as runners go, over python-gitlab. Never waits and never tries again.

Two kinds of tokens: an access token in a header (`PRIVATE-TOKEN`) manages runners; a runner's own (glrt-…) proves itself in
the body, and needs no other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import gitlab
import requests
from gitlab.exceptions import GitlabError

from pipeline.errors import BadConfig, Rejected, RunnerError, Unreachable
from pipeline.fleet.gitlab_runners import RunnerFleet, RunnerScope
from pipeline.gitlab_runner.runner import Record, RunnerSeen, attributes
from pipeline.secret import Secret

TIMEOUT = 15.0  # seconds
LATER = frozenset({408, 409, 425, 429})
AT_ONCE: dict[str, Any] = {"obey_rate_limit": False}
NOTE = "Made and looked after by Shipway. Change it in shipway.yml: what is changed here is set back."
SCOPES = "Give it the scopes `create_runner`, `manage_runner` and `read_api`, or `api`"


class GitLabCoordinator:
    """Implements `pipeline.gitlab_runner.desk.Coordinator`."""

    def create(self, fleet: RunnerFleet, description: str) -> tuple[int, Secret]:
        body = {"runner_type": fleet.scope.runner_type, "description": description, "maintenance_note": NOTE}
        if fleet.scope is not RunnerScope.INSTANCE:
            body[f"{fleet.scope}_id"] = fleet.id  # type: ignore[assignment]
        with _speaking(fleet.url, f"create a runner for {fleet.name}"):
            made: Any = _client(fleet, fleet.token).http_post(
                "/user/runners", post_data={**body, **attributes(fleet)}, **AT_ONCE
            )
        return int(made["id"]), Secret(str(made["token"]))

    def listed(self, fleet: RunnerFleet, beginning: str) -> tuple[RunnerSeen, ...]:
        path = (
            "/runners/all" if fleet.scope is RunnerScope.INSTANCE else f"/{fleet.scope}s/{fleet.id}/runners"
        )
        query = {"type": fleet.scope.runner_type, "per_page": 100}
        with _speaking(fleet.url, f"list the runners of {_place(fleet)}"):
            found = _client(fleet, fleet.token).http_list(path, query_data=query, iterator=True, **AT_ONCE)
            rows = [dict(row) for row in found]
        return tuple(_seen(row) for row in rows if str(row["description"] or "").startswith(beginning))

    def entry(self, fleet: RunnerFleet, runner: int) -> RunnerSeen | None:
        with _speaking(fleet.url, f"show runner {runner}"):
            try:
                found: Any = _client(fleet, fleet.token).http_get(f"/runners/{runner}", **AT_ONCE)
            except GitlabError as error:
                if error.response_code == 404:
                    return None
                raise
        return _seen(found)

    def update(self, fleet: RunnerFleet, runner: int) -> None:
        with _speaking(fleet.url, f"change runner {runner}"):
            _client(fleet, fleet.token).http_put(f"/runners/{runner}", post_data=attributes(fleet), **AT_ONCE)

    def reset(self, fleet: RunnerFleet, runner: int) -> Secret:
        with _speaking(fleet.url, f"give runner {runner} a new token"):
            path = f"/runners/{runner}/reset_authentication_token"
            answer: Any = _client(fleet, fleet.token).http_post(path, **AT_ONCE)
        return Secret(str(answer["token"]))

    def accepts(self, record: Record) -> bool:
        """The machine is named as the runner itself does, so that GitLab lists no second one."""
        body = {"token": record.token.reveal(), "system_id": record.system_id}
        with _speaking(record.url, f"check the token of runner {record.runner}"):
            try:
                _client(record, None).http_post("/runners/verify", post_data=body, **AT_ONCE)
            except GitlabError as error:
                if error.response_code == 403:
                    return False
                raise
        return True

    def delete(self, record: Record, access: Secret | None) -> bool:
        with _speaking(record.url, f"delete runner {record.runner}"):
            if self._deleted_itself(record):
                return True
            if access is not None:
                _absent_is_fine(_client(record, access), f"/runners/{record.runner}")
        return access is not None

    def discard(self, fleet: RunnerFleet, runner: int) -> None:
        with _speaking(fleet.url, f"delete runner {runner}"):
            _absent_is_fine(_client(fleet, fleet.token), f"/runners/{runner}")

    def _deleted_itself(self, record: Record) -> bool:
        """With its own token, which needs nobody's rights."""
        body = {"token": record.token.reveal()}
        try:
            _client(record, None).http_request("delete", "/runners", post_data=body, **AT_ONCE)
        except GitlabError as error:
            if error.response_code == 403:
                return False
            raise
        return True


def _client(place: RunnerFleet | Record, token: Secret | None) -> gitlab.Gitlab:
    if place.ca and not Path(place.ca).is_file():
        raise BadConfig(f"The authority's file {place.ca} is not there. Correct `ca` of gitlab_runners.")
    return gitlab.Gitlab(
        place.url,
        private_token=token.reveal() if token is not None else None,
        ssl_verify=place.ca or True,
        timeout=TIMEOUT,
        keep_base_url=True,
        user_agent="shipway",
    )


def _absent_is_fine(client: gitlab.Gitlab, path: str) -> None:
    try:
        client.http_delete(path, **AT_ONCE)
    except GitlabError as error:
        if error.response_code != 404:
            raise


@contextmanager
def _speaking(url: str, what: str) -> Iterator[None]:
    """`what` it was asked to do, as in "GitLab refused to …"."""
    where = f"GitLab at {url}"
    try:
        yield
    except GitlabError as error:
        raise _refusal(error, where, what) from error
    except requests.RequestException as error:
        raise Unreachable(
            f"{where} does not answer ({type(error).__name__}), asked to {what}. Check the way from Shipway to it."
        ) from error


def _refusal(error: GitlabError, where: str, what: str) -> RunnerError:
    code, said = error.response_code or 0, " ".join(str(error.error_message).split())[:300].rstrip(".")
    if code >= 500 or code in LATER:
        return Unreachable(f"{where} answered {code} when asked to {what}: {said}. It is tried again.")
    if code == 401:
        return Rejected(
            f"{where} does not know the token (401), asked to {what}: it is wrong, revoked or expired. Make a new one there "
            "and write it under `token` of gitlab_runners."
        )
    if code == 403:
        return Rejected(
            f"{where} forbids the token to {what} (403: {said}). {SCOPES}; its user must be Owner of the group, Maintainer of "
            "the project, or administrator for runners of the instance."
        )
    if code == 404:
        return Rejected(f"{where} found nothing when asked to {what} (404: {said}). Check `scope` and `id`.")
    return Rejected(f"{where} refused to {what} ({code or 'no status'}: {said}).")


def _place(fleet: RunnerFleet) -> str:
    return "the instance" if fleet.scope is RunnerScope.INSTANCE else f"{fleet.scope} {fleet.id}"


def _seen(row: dict[str, Any]) -> RunnerSeen:
    at = row.get("contacted_at")
    return RunnerSeen(
        id=int(row["id"]),
        description=str(row["description"] or ""),
        runner_type=str(row.get("runner_type") or ""),
        tags=frozenset(row.get("tag_list") or ()),
        run_untagged=bool(row.get("run_untagged", True)),
        locked=bool(row.get("locked")),
        access_level=str(row.get("access_level") or ""),
        paused=bool(row.get("paused")),
        status=str(row.get("status") or ""),
        contacted_at=datetime.fromisoformat(at.replace("Z", "+00:00")) if at else None,
    )
