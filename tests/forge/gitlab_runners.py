"""The fake GitLab's runners: made and managed by people's tokens. What a runner itself says: gitlab_runner_protocol.

    gitlab.runners.queue("build", ["echo hello"], tags=["docker"])   # a job for whoever takes its tags
    gitlab.runners.jobs                                              # what became of each, with its trace

Field names and rules are those of GitLab's lib/api/user_runners.rb, ci/runners.rb and ci/runner.rb; other fields are refused.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.forge.gitlab_project import Refusal, Row

if TYPE_CHECKING:
    from tests.forge.gitlab import FakeGitLab, Token

Answer = tuple[int, Any, dict[str, str]]
TYPES = {"instance_type", "group_type", "project_type"}
LEVELS = {"not_protected", "ref_protected"}
ATTRIBUTES: dict[str, type] = {
    "description": str, "maintenance_note": str, "paused": bool, "locked": bool, "access_level": str,
    "run_untagged": bool, "tag_list": list, "maximum_timeout": int,
}  # fmt: skip
CREATE = ATTRIBUTES | {"runner_type": str, "group_id": int, "project_id": int}
SHORTEST_TIMEOUT = 600


@dataclass
class Job:
    """`runner` and `system_id`: who took it."""

    id: int
    name: str
    script: list[str]
    tags: frozenset[str]
    token: str
    status: str = "pending"
    trace: bytes = b""
    runner: int = 0
    system_id: str = ""
    failure: str = ""
    exit_code: int | None = None


@dataclass
class Runners:
    rows: dict[int, Row] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    groups: set[int] = field(default_factory=lambda: {7})
    numbers: Any = field(default_factory=lambda: count(1))

    def queue(self, name: str, script: list[str], tags: list[str] | None = None) -> Job:
        job = Job(
            next(self.numbers) + 500, name, script, frozenset(tags or ()), f"glcbt-{secrets.token_hex(8)}"
        )
        self.jobs.append(job)
        return job

    def described(self) -> list[str]:
        return sorted(row["description"] for row in self.rows.values())

    def revoke(self, runner: int) -> None:
        """As when somebody resets its token at GitLab."""
        self.rows[runner]["token"] = new_token()


def new_token() -> str:
    return f"glrt-{secrets.token_urlsafe(15)}"


# ------------------------------------------------------------------------------------------------ by people's tokens


def is_managing(path: str) -> bool:
    return bool(re.fullmatch(r"/user/runners|/runners(/.*)?|/(projects|groups)/\d+/runners", path))


def manage(
    server: "FakeGitLab", token: "Token", method: str, path: str, query: Mapping[str, str], body: Row
) -> Answer:
    call = Managing(server, token, query, body)
    for verb, pattern, act in MANAGING:
        match = re.fullmatch(pattern, path)
        if verb == method and match:
            return act(call, *match.groups())
    raise Refusal(404, "404 Not Found", "error")


class Managing:
    def __init__(self, server: "FakeGitLab", token: "Token", query: Mapping[str, str], body: Row) -> None:
        self.server, self.token, self.query, self.body = server, token, query, body
        self.runners = server.runners

    def allow(self, *scopes: str) -> None:
        if not self.token.scopes & {"api", *scopes}:
            raise Refusal(403, "insufficient_scope", "error")
        if self.token.level < 40:
            raise Refusal(403, "403 Forbidden")

    def given(self, known: dict[str, type]) -> Row:
        for name, value in self.body.items():
            if name not in known:
                raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
            if not isinstance(value, known[name]) or (known[name] is int and isinstance(value, bool)):
                raise Refusal(400, f"{name} is invalid", "error")
        if self.body.get("access_level", "not_protected") not in LEVELS:
            raise Refusal(400, "access_level does not have a valid value", "error")
        return self.body

    def one(self, number: str) -> Row:
        if int(number) not in self.runners.rows:
            raise Refusal(404, "404 Not found")
        return self.runners.rows[int(number)]


def _create(call: Managing) -> Answer:
    call.allow("create_runner")
    given = call.given(CREATE)
    kind = given.get("runner_type")
    if kind not in TYPES:
        raise Refusal(400, f"runner_type {'does not have a valid value' if kind else 'is missing'}", "error")
    owner = _owner(call, kind, given)
    row = {
        "id": next(call.runners.numbers), "token": new_token(), "owner": owner, "runner_type": kind,
        "description": None, "maintenance_note": None, "paused": False, "locked": False,
        "access_level": "not_protected", "run_untagged": True, "tag_list": [], "maximum_timeout": None,
        "contacted_at": None, "managers": {}, "queue_value": secrets.token_hex(4),
    }  # fmt: skip
    row |= {name: value for name, value in given.items() if name in ATTRIBUTES}
    _validate(row)
    call.runners.rows[row["id"]] = row
    return 201, {"id": row["id"], "token": row["token"], "token_expires_at": None}, {}


def _owner(call: Managing, kind: str, given: Row) -> int:
    for name in ("group", "project"):
        if kind == f"{name}_type" and f"{name}_id" not in given:
            raise Refusal(400, f"{name}_id is missing", "error")
    if kind == "instance_type":
        if not call.token.admin:
            raise Refusal(403, "403 Forbidden - Insufficient permissions")
        return 0
    number = int(given["group_id"] if kind == "group_type" else given["project_id"])
    known = call.runners.groups if kind == "group_type" else {p.id for p in call.server.projects.values()}
    if number not in known:
        raise Refusal(400, "400 Bad request - Missing/invalid scope")
    return number


def _validate(row: Row) -> None:
    if not row["run_untagged"] and not row["tag_list"]:
        raise Refusal(
            400, {"tags_list": ["can not be empty when runner is not allowed to pick untagged jobs"]}
        )
    if row["maximum_timeout"] is not None and row["maximum_timeout"] < SHORTEST_TIMEOUT:
        raise Refusal(400, {"maximum_timeout": ["needs to be at least 10 minutes"]})
    for name in ("description", "maintenance_note"):
        if len(row[name] or "") > 1024:
            raise Refusal(400, {name: ["is too long (maximum is 1024 characters)"]})


def _status(row: Row) -> str:
    if row["contacted_at"] is None:
        return "never_contacted"
    return "online" if time.time() - row["contacted_at"] < 7200 else "offline"


def _short(row: Row) -> Row:
    status = _status(row)
    shown = {name: row[name] for name in ("id", "description", "paused", "runner_type")}
    instance = row["runner_type"] == "instance_type"
    shown |= {"active": not row["paused"], "is_shared": instance, "name": "gitlab-runner", "ip_address": ""}
    return shown | {"status": status, "online": status == "online"}


def _details(row: Row) -> Row:
    names = ("tag_list", "run_untagged", "locked", "access_level", "maximum_timeout", "maintenance_note")
    at = row["contacted_at"]
    when = (
        datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if at
        else None
    )
    return _short(row) | {name: row[name] for name in names} | {"contacted_at": when}


def _listed(call: Managing, rows: list[Row], path: str) -> Answer:
    known = {"type", "status", "paused", "tag_list", "version_prefix", "page", "per_page"}
    for name in call.query.keys() - known:
        raise Refusal(400, f"{name} is unknown to this fake; GitLab would ignore it", "error")
    kind = call.query.get("type")
    if kind is not None and kind not in TYPES:
        raise Refusal(400, "type does not have a valid value", "error")
    rows = [row for row in rows if kind in (None, row["runner_type"])]
    page, size = int(call.query.get("page", 1)), int(call.query.get("per_page", 20))
    more = len(rows) > page * size
    link = f'<{call.server.url}/api/v4{path}?type={kind}&page={page + 1}&per_page={size}>; rel="next"'
    return 200, [_short(r) for r in rows[(page - 1) * size : page * size]], {"Link": link} if more else {}


def _list_all(call: Managing) -> Answer:
    call.allow("read_api")
    if not call.token.admin:
        raise Refusal(403, "403 Forbidden")
    return _listed(call, list(call.runners.rows.values()), "/runners/all")


def _list_owned(call: Managing, noun: str, number: str) -> Answer:
    """Those of the instance too, as GitLab does."""
    call.allow("read_api")
    mine = [
        row
        for row in call.runners.rows.values()
        if row["runner_type"] == "instance_type"
        or (row["runner_type"] == f"{noun}_type" and row["owner"] == int(number))
    ]
    return _listed(call, mine, f"/{noun}s/{number}/runners")


def _get(call: Managing, number: str) -> Answer:
    call.allow("manage_runner", "read_api")
    return 200, _details(call.one(number)), {}


def _change(call: Managing, number: str) -> Answer:
    call.allow("manage_runner")
    given = call.given(ATTRIBUTES)
    if not given:
        raise Refusal(400, "description, active, paused, tag_list, … are missing, at least one", "error")
    row = call.one(number)
    _validate(row | given)
    row |= given
    return 200, _details(row), {}


def _delete(call: Managing, number: str) -> Answer:
    call.allow("manage_runner")
    call.one(number)
    del call.runners.rows[int(number)]
    return 204, None, {}


def _reset(call: Managing, number: str) -> Answer:
    call.allow("manage_runner")
    row = call.one(number)
    row["token"] = new_token()
    return 201, {"token": row["token"], "token_expires_at": None}, {}


MANAGING: list[tuple[str, str, Callable[..., Answer]]] = [
    ("POST", "/user/runners", _create),
    ("GET", "/runners/all", _list_all),
    ("GET", r"/(project|group)s/(\d+)/runners", _list_owned),
    ("GET", r"/runners/(\d+)", _get),
    ("PUT", r"/runners/(\d+)", _change),
    ("DELETE", r"/runners/(\d+)", _delete),
    ("POST", r"/runners/(\d+)/reset_authentication_token", _reset),
]
