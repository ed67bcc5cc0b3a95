"""Webhooks of a project, over the fake GitLab's REST API."""

import re
from collections.abc import Callable

from tests.forge import gitlab_hooks
from tests.forge.git_http import ZEROS, commit_of
from tests.forge.gitlab_call import MAINTAINER, Answer, Call, one
from tests.forge.gitlab_project import IDS, Refusal, Row

HOOK_EVENTS = {
    f"{name}_events"
    for name in ("push", "tag_push", "merge_requests", "issues", "note", "pipeline", "job", "deployment")
}
HOOK = HOOK_EVENTS | {
    "url", "name", "description", "token", "signing_token", "enable_ssl_verification", "branch_filter_strategy",
    "push_events_branch_filter",
}  # fmt: skip
PRIVATE = re.compile(r"^https?://(127\.|10\.|192\.168\.|localhost)")


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
    return 200, _shown(call, one(call.project.hooks, "id", number, "Not Found")), {}


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
    hook = one(call.project.hooks, "id", number, "Not Found")
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
    call.project.hooks.remove(one(call.project.hooks, "id", number, "Not Found"))
    return 204, None, {}


def _test_hook(call: Call, number: str, trigger: str) -> Answer:
    call.allow(MAINTAINER)
    if trigger != "push_events":
        raise Refusal(400, "trigger does not have a valid value", "error")
    hook = one(call.project.hooks, "id", number, "Not Found")
    head = commit_of(call.project.repository, "refs/heads/main")
    if not head:
        raise Refusal(422, "Ensure the project has at least one commit.")
    event, payload = gitlab_hooks.push(call.project, "refs/heads/main", ZEROS, head)
    call.server.send(hook, event, payload)
    sent = call.server.deliveries[-1]
    if not 200 <= sent.status < 300:
        raise Refusal(422, f"Hook execution failed: {sent.status or sent.answer}")
    return 201, {"message": "201 Created"}, {}


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "/hooks", _list_hooks),
    ("POST", "/hooks", _create_hook),
    ("GET", r"/hooks/(\d+)", _get_hook),
    ("PUT", r"/hooks/(\d+)", _change_hook),
    ("DELETE", r"/hooks/(\d+)", _drop_hook),
    ("POST", r"/hooks/(\d+)/test/(\w+)", _test_hook),
]
