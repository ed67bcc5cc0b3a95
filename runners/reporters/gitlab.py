"""GitLab: external commit statuses, environments with their deployments, a note on the merge request.

A commit's statuses hang on one pipeline: the first one's answer names it, and the others ask for it, else GitLab takes
the newest of the commit, which may be another by then. GitLab refuses (400) a status that it has already; that is no
error here.
"""

from typing import Any

from gitlab.exceptions import GitlabError

from pipeline.fleet.service import Repository
from pipeline.reports.report import Comment, CommitStatus, EnvironmentStatus, State
from runners.gitlab_client import AT_ONCE, GitLabClients, speaking

LONGEST = 255  # characters of a description
STATUSES = {
    State.PENDING: "pending",
    State.RUNNING: "running",
    State.SUCCEEDED: "success",
    State.FAILED: "failed",
    State.CANCELLED: "canceled",
    State.SKIPPED: "skipped",
}
NOT_AGAIN = "cannot transition status"  # 400: it is so already
NO_SUCH_STATE = "state does not have a valid value"  # 400: an old GitLab that knows no `skipped`
COMMENTED = ("opened", "merged")


class GitLabReporter:
    """Implements the port `Reporter`."""

    def __init__(self) -> None:
        self._clients = GitLabClients()

    def status(self, repository: Repository, status: CommitStatus, known: str) -> str:
        values: dict[str, Any] = {
            "state": STATUSES[status.state],
            "name": status.context,
            "target_url": status.link,
            "description": status.text[:LONGEST],
        }
        if status.ref:
            values["ref"] = status.ref
        if known:
            values["pipeline_id"] = int(known)
        with speaking(repository, f"set {status.context} of {status.commit[:10]}"):
            commit = self._clients.project(repository).commits.get(status.commit, lazy=True)
            answer = _set(commit, values)
        return str(answer.get("pipeline_id") or known)

    def environment(self, repository: Repository, status: EnvironmentStatus, known: str) -> str:
        project = self._clients.project(repository)
        with speaking(repository, f"enter a deployment of {status.environment}"):
            known = known or _under_way(project, status)
            if known:
                return _moved(project, known, STATUSES[status.state])
            _prepare(project, status)
            return _entered(project, status)

    def comment(self, repository: Repository, comment: Comment) -> None:
        mark = f"<!-- {comment.marker} -->"
        body = f"{mark}\n{comment.text}"
        project = self._clients.project(repository)
        with speaking(repository, f"comment on the merge request of {comment.commit[:10]}"):
            commit = project.commits.get(comment.commit, lazy=True)
            for request in commit.merge_requests(**AT_ONCE):
                if request["state"] in COMMENTED and request["project_id"] == request["target_project_id"]:
                    _write(project.mergerequests.get(request["iid"], lazy=True), mark, body)


def _set(commit: Any, values: dict[str, Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = commit.statuses.create(values, **AT_ONCE).attributes
    except GitlabError as error:
        if error.response_code != 400:
            if error.response_code == 404 and values.pop("pipeline_id", None):  # it was deleted
                return _set(commit, values)
            raise
        said = str(error.error_message).lower()
        if NOT_AGAIN in said:
            return {}
        if NO_SUCH_STATE in said and values["state"] == "skipped":
            return _set(commit, values | {"state": "success"})
        raise
    return answer


def _under_way(project: Any, status: EnvironmentStatus) -> str:
    """One that GitLab took while its answer was lost."""
    query = {"environment": status.environment, "status": "running", "order_by": "id", "sort": "desc"}
    found = project.deployments.list(get_all=False, **query, **AT_ONCE)
    return next((str(entry.id) for entry in found if entry.sha == status.commit), "")


def _entered(project: Any, status: EnvironmentStatus) -> str:
    values = {
        "environment": status.environment,
        "sha": status.commit,
        "ref": status.ref,
        "tag": status.tag,
        "status": STATUSES[status.state],
    }
    return str(project.deployments.create(values, **AT_ONCE).id)


def _moved(project: Any, number: str, status: str) -> str:
    """A status that it has already is refused like one of a commit."""
    try:
        project.deployments.update(number, {"status": status}, **AT_ONCE)
    except GitlabError as error:
        if error.response_code != 400 or NOT_AGAIN not in str(error.error_message).lower():
            raise
    return number


def _prepare(project: Any, status: EnvironmentStatus) -> None:
    """The environment with its address. Without one GitLab makes it with the first deployment."""
    if not status.address:
        return
    found = project.environments.list(name=status.environment, get_all=True, **AT_ONCE)
    if not found:
        project.environments.create({"name": status.environment, "external_url": status.address}, **AT_ONCE)
    elif found[0].external_url != status.address:
        project.environments.update(found[0].id, {"external_url": status.address}, **AT_ONCE)


def _write(request: Any, mark: str, body: str) -> None:
    own = [note for note in request.notes.list(iterator=True, sort="asc", **AT_ONCE) if mark in note.body]
    if not own:
        request.notes.create({"body": body}, **AT_ONCE)
    elif own[0].body != body:
        request.notes.update(own[0].id, {"body": body}, **AT_ONCE)
