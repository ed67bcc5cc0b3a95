"""The fake GitLab's REST API: routes, rights, fields. Field names are those of GitLab's own documentation; others are refused."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.forge import gitlab_rest_hooks, gitlab_runners
from tests.forge.git_http import commit_of
from tests.forge.gitlab_call import DEVELOPER, REPORTER, Answer, Call, one
from tests.forge.gitlab_project import DEPLOYED, EVENTS, IDS, Project, Refusal, moved

if TYPE_CHECKING:
    from tests.forge.gitlab import FakeGitLab, Token

STATUS = {"state", "name", "context", "ref", "target_url", "description", "coverage", "pipeline_id"}
LONGEST = 255


def answer(server: "FakeGitLab", token: "Token", method: str, target: str, raw: bytes) -> Answer:
    parts = urlsplit(target)
    path = parts.path.removeprefix("/api/v4")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if (method, path) == ("GET", "/version"):
        return 200, {"version": f"{server.version}.0.0"}, {}
    if (method, path) == ("GET", "/user"):
        return 200, {"id": 1, "username": token.user}, {}
    if gitlab_runners.is_managing(path):
        return gitlab_runners.manage(server, token, method, path, query, json.loads(raw) if raw else {})
    found = re.fullmatch(r"/projects/([^/]+)(/.*)?", path)
    if not found:
        raise Refusal(404, "404 Not Found", "error")
    call = Call(
        server, token, _project(server, token, unquote(found[1])), query, json.loads(raw) if raw else {}
    )
    for verb, pattern, act in ROUTES:
        match = re.fullmatch(pattern, found[2] or "")
        if verb == method and match:
            return act(call, *match.groups())
    raise Refusal(404, "404 Not Found", "error")


def _project(server: "FakeGitLab", token: "Token", name: str) -> Project:
    for project in server.projects.values():
        member = not token.projects or project.path in token.projects
        if member and name in (str(project.id), project.path):
            return project
    raise Refusal(404, "404 Project Not Found")


def _get_project(call: Call) -> Answer:
    call.allow(0, write=False)
    project = call.project
    return 200, {"id": project.id, "path_with_namespace": project.path, "default_branch": "main"}, {}


# ------------------------------------------------------------------------------------------------ commits


def _commit(call: Call, commit: str) -> None:
    if not commit_of(call.project.repository, commit):
        raise Refusal(404, "404 Commit Not Found")


def _set_status(call: Call, commit: str) -> Answer:
    call.allow(DEVELOPER)
    given = call.fields(STATUS, {"state"})
    if given["state"] not in EVENTS or (given["state"] == "skipped" and call.server.version < 17):
        raise Refusal(400, "state does not have a valid value", "error")
    for name in ("description", "target_url", "ref"):
        if len(given.get(name) or "") > LONGEST:
            raise Refusal(400, {name: [f"is too long (maximum is {LONGEST} characters)"]})
    _commit(call, commit)
    return 201, call.project.set_status(commit, call.token.user, given), {}


def _requests_of(call: Call, commit: str) -> Answer:
    call.allow(0, write=False)
    _commit(call, commit)
    rows = [r for r in call.project.requests if commit in (r["sha"], r["merge_commit_sha"])]
    return call.page(rows, f"/api/v4/projects/{call.project.id}/repository/commits/{commit}/merge_requests")


def _list_notes(call: Call, number: str) -> Answer:
    call.allow(REPORTER, write=False)
    one(call.project.requests, "iid", number, "Not Found")
    rows = [note for note in call.project.notes if note["noteable_iid"] == int(number)]
    return call.page(rows, f"/api/v4/projects/{call.project.id}/merge_requests/{number}/notes")


def _write_note(call: Call, number: str) -> Answer:
    call.allow(REPORTER)
    one(call.project.requests, "iid", number, "Not Found")
    given = call.fields({"body", "internal", "created_at"}, {"body"})
    author = {"username": call.token.user}
    note = {"id": next(IDS), "noteable_iid": int(number), "author": author, "body": given["body"], "edits": 0}
    call.project.notes.append(note)
    return 201, note, {}


def _edit_note(call: Call, number: str, note_id: str) -> Answer:
    call.allow(REPORTER)
    note = one(call.project.notes, "id", note_id, "Note")
    if note["author"]["username"] != call.token.user:
        raise Refusal(403, "403 Forbidden")
    note |= {"body": call.fields({"body"}, {"body"})["body"], "edits": note["edits"] + 1}
    return 200, note, {}


# ------------------------------------------------------------------------------------------------ environments


def _list_environments(call: Call) -> Answer:
    call.allow(REPORTER, write=False)
    rows = [r for r in call.project.environments if call.query.get("name", r["name"]) == r["name"]]
    return call.page(rows, f"/api/v4/projects/{call.project.id}/environments")


def _create_environment(call: Call) -> Answer:
    call.allow(DEVELOPER)
    given = call.fields({"name", "description", "external_url", "tier"}, {"name"})
    if any(row["name"] == given["name"] for row in call.project.environments):
        raise Refusal(400, {"name": ["has already been taken"], "slug": ["has already been taken"]})
    row = call.project.environment(given["name"])
    row |= given
    return 201, row, {}


def _change_environment(call: Call, number: str) -> Answer:
    call.allow(DEVELOPER)
    row = one(call.project.environments, "id", number, "Not Found")
    row |= call.fields({"description", "external_url", "tier"})
    return 200, row, {}


def _list_deployments(call: Call) -> Answer:
    """Of one environment and state; the newest first when asked for."""
    call.allow(REPORTER, write=False)
    known = {"environment", "status", "order_by", "sort", "page", "per_page"}
    for name in sorted(call.query.keys() - known):
        raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
    wanted = call.query.get("environment"), call.query.get("status")
    rows = [r for r in call.project.deployments if wanted[0] in (None, r["environment"]["name"])]
    rows = [row for row in rows if wanted[1] in (None, row["status"])]
    rows.sort(key=lambda row: row["id"], reverse=call.query.get("sort") == "desc")
    return call.page(rows, f"/api/v4/projects/{call.project.id}/deployments")


def _create_deployment(call: Call) -> Answer:
    call.allow(DEVELOPER)
    needed = {"environment", "sha", "ref", "tag", "status"}
    given = call.fields(needed, needed)
    if given["status"] not in DEPLOYED or not isinstance(given["tag"], bool):
        raise Refusal(400, "status does not have a valid value", "error")
    _commit(call, given["sha"])
    row = {"id": next(IDS), "iid": len(call.project.deployments) + 1, "status": "created"}
    row |= {key: given[key] for key in ("sha", "ref", "tag")}
    row |= {"environment": call.project.environment(given["environment"])}
    row["status"] = moved(DEPLOYED, "created", given["status"])
    call.project.deployments.append(row)
    return 201, row, {}


def _change_deployment(call: Call, number: str) -> Answer:
    call.allow(DEVELOPER)
    row = one(call.project.deployments, "id", number, "Not Found")
    row["status"] = moved(DEPLOYED, row["status"], call.fields({"status"}, {"status"})["status"])
    return 200, row, {}


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "", _get_project),
    *gitlab_rest_hooks.ROUTES,
    ("POST", r"/statuses/([0-9a-f]{40})", _set_status),
    ("GET", r"/repository/commits/([0-9a-f]{40})/merge_requests", _requests_of),
    ("GET", r"/merge_requests/(\d+)/notes", _list_notes),
    ("POST", r"/merge_requests/(\d+)/notes", _write_note),
    ("PUT", r"/merge_requests/(\d+)/notes/(\d+)", _edit_note),
    ("GET", "/environments", _list_environments),
    ("POST", "/environments", _create_environment),
    ("PUT", r"/environments/(\d+)", _change_environment),
    ("GET", "/deployments", _list_deployments),
    ("POST", "/deployments", _create_deployment),
    ("PUT", r"/deployments/(\d+)", _change_deployment),
]
