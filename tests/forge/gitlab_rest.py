"""The fake GitLab's REST API: routes, rights, fields. Field names are those of GitLab's own documentation; others are refused."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.forge import gitlab_hooks, gitlab_runners
from tests.forge.git_http import ZEROS, commit_of
from tests.forge.gitlab_project import DEPLOYED, EVENTS, IDS, Project, Refusal, Row, moved

if TYPE_CHECKING:
    from tests.forge.gitlab import FakeGitLab, Token

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
PAGE = 20
HOOK_EVENTS = {
    f"{name}_events"
    for name in ("push", "tag_push", "merge_requests", "issues", "note", "pipeline", "job", "deployment")
}
HOOK = HOOK_EVENTS | {
    "url", "name", "description", "token", "signing_token", "enable_ssl_verification", "branch_filter_strategy",
    "push_events_branch_filter",
}  # fmt: skip
STATUS = {"state", "name", "context", "ref", "target_url", "description", "coverage", "pipeline_id"}
LONGEST = 255
PRIVATE = re.compile(r"^https?://(127\.|10\.|192\.168\.|localhost)")
Answer = tuple[int, Any, dict[str, str]]


class Call:
    """One request on one project, with the rights of its token."""

    def __init__(
        self, server: "FakeGitLab", token: "Token", project: Project, query: dict[str, str], body: Row
    ) -> None:
        self.server, self.token, self.project, self.query, self.body = server, token, project, query, body

    def allow(self, level: int, write: bool = True) -> None:
        scopes = {"api"} if write else {"api", "read_api"}
        if not self.token.scopes & scopes:
            refusal = Refusal(403, "insufficient_scope", "error")
            refusal.body |= {"error_description": "The request requires higher privileges", "scope": "api"}
            raise refusal
        if self.token.level < level:
            raise Refusal(403, "403 Forbidden")

    def fields(self, known: set[str], needed: set[str] = frozenset()) -> Row:  # type: ignore[assignment]
        for name in sorted(self.body.keys() - known):
            raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
        for name in sorted(needed - self.body.keys()):
            raise Refusal(400, f"{name} is missing", "error")
        return self.body

    def page(self, rows: list[Row], path: str) -> Answer:
        page, size = int(self.query.get("page", 1)), int(self.query.get("per_page", PAGE))
        more = len(rows) > page * size
        link = f'<{self.server.url}{path}?page={page + 1}&per_page={size}>; rel="next"'
        return 200, rows[(page - 1) * size : page * size], {"Link": link} if more else {}


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


def _one(rows: list[Row], key: str, value: str, what: str) -> Row:
    for row in rows:
        if str(row[key]) == value:
            return row
    raise Refusal(404, f"404 {what} Not Found")


def _get_project(call: Call) -> Answer:
    call.allow(0, write=False)
    project = call.project
    return 200, {"id": project.id, "path_with_namespace": project.path, "default_branch": "main"}, {}


# ------------------------------------------------------------------------------------------------ hooks


def _shown(call: Call, hook: Row) -> Row:
    """Secrets are never shown again; that there is a signing token is, since 19.0."""
    hidden = {"token", "signing_token", "failures"}
    row = {key: value for key, value in hook.items() if key not in hidden}
    row |= {"alert_status": gitlab_hooks.alert_status(hook), "project_id": call.project.id}
    if call.server.version >= 19:
        row["signing_token_present"] = bool(hook["signing_token"])
    return row


def _list_hooks(call: Call) -> Answer:
    call.allow(MAINTAINER, write=False)
    rows = [_shown(call, hook) for hook in call.project.hooks]
    return call.page(rows, f"/api/v4/projects/{call.project.id}/hooks")


def _get_hook(call: Call, number: str) -> Answer:
    call.allow(MAINTAINER, write=False)
    return 200, _shown(call, _one(call.project.hooks, "id", number, "Not Found")), {}


def _create_hook(call: Call) -> Answer:
    call.allow(MAINTAINER)
    given = call.fields(HOOK, {"url"})
    hook: Row = dict.fromkeys(HOOK_EVENTS, False)
    hook |= {"id": next(IDS), "push_events": True, "enable_ssl_verification": True, "name": None}
    hook |= {"token": "", "signing_token": "", "failures": 0, "disabled_until": None}
    _set_hook(call, hook, given)
    call.project.hooks.append(hook)
    return 201, _shown(call, hook), {}


def _change_hook(call: Call, number: str) -> Answer:
    call.allow(MAINTAINER)
    hook = _one(call.project.hooks, "id", number, "Not Found")
    _set_hook(call, hook, call.fields(HOOK, {"url"}))
    return 200, _shown(call, hook), {}


def _set_hook(call: Call, hook: Row, given: Row) -> None:
    if PRIVATE.match(given["url"]) and not call.server.local_network:
        raise Refusal(422, {"base": ["URL is blocked: Requests to the local network are not allowed"]})
    signing = given.get("signing_token")
    if signing and not re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", signing) and call.server.version >= 19:
        raise Refusal(422, {"signing_token": ["must be whsec_ and 32 bytes in base64"]})
    if call.server.version < 19:
        given = {key: value for key, value in given.items() if key != "signing_token"}
    hook |= given


def _drop_hook(call: Call, number: str) -> Answer:
    call.allow(MAINTAINER)
    call.project.hooks.remove(_one(call.project.hooks, "id", number, "Not Found"))
    return 204, None, {}


def _test_hook(call: Call, number: str, trigger: str) -> Answer:
    call.allow(MAINTAINER)
    if trigger != "push_events":
        raise Refusal(400, "trigger does not have a valid value", "error")
    hook = _one(call.project.hooks, "id", number, "Not Found")
    head = commit_of(call.project.repository, "refs/heads/main")
    if not head:
        raise Refusal(422, "Ensure the project has at least one commit.")
    event, payload = gitlab_hooks.push(call.project, "refs/heads/main", ZEROS, head)
    call.server.send(hook, event, payload)
    sent = call.server.deliveries[-1]
    if not 200 <= sent.status < 300:
        raise Refusal(422, f"Hook execution failed: {sent.status or sent.answer}")
    return 201, {"message": "201 Created"}, {}


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
    _one(call.project.requests, "iid", number, "Not Found")
    rows = [note for note in call.project.notes if note["noteable_iid"] == int(number)]
    return call.page(rows, f"/api/v4/projects/{call.project.id}/merge_requests/{number}/notes")


def _write_note(call: Call, number: str) -> Answer:
    call.allow(REPORTER)
    _one(call.project.requests, "iid", number, "Not Found")
    given = call.fields({"body", "internal", "created_at"}, {"body"})
    author = {"username": call.token.user}
    note = {"id": next(IDS), "noteable_iid": int(number), "author": author, "body": given["body"], "edits": 0}
    call.project.notes.append(note)
    return 201, note, {}


def _edit_note(call: Call, number: str, note_id: str) -> Answer:
    call.allow(REPORTER)
    note = _one(call.project.notes, "id", note_id, "Note")
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
    row = _one(call.project.environments, "id", number, "Not Found")
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
    row = _one(call.project.deployments, "id", number, "Not Found")
    row["status"] = moved(DEPLOYED, row["status"], call.fields({"status"}, {"status"})["status"])
    return 200, row, {}


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "", _get_project),
    ("GET", "/hooks", _list_hooks),
    ("POST", "/hooks", _create_hook),
    ("GET", r"/hooks/(\d+)", _get_hook),
    ("PUT", r"/hooks/(\d+)", _change_hook),
    ("DELETE", r"/hooks/(\d+)", _drop_hook),
    ("POST", r"/hooks/(\d+)/test/(\w+)", _test_hook),
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
