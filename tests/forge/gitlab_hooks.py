"""The fake GitLab's webhooks: which a push fires, how they are signed, and when GitLab turns one off.

4 failures in a row: off for a minute, doubled with each further one up to a day; 40: off until a test is answered 2xx.
"""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.forge.git_http import ZEROS, commit_of, git, refs
from tests.forge.gitlab_project import Project, Row

FAILURES_TO_PAUSE, FAILURES_TO_END = 4, 40
MOST_REFS = 3  # a push that touches more fires nothing at all
TIMEOUT = 10.0


@dataclass(frozen=True)
class Delivery:
    hook: int
    id: str
    headers: dict[str, str]
    body: bytes
    status: int  # 0: no answer
    answer: str


def fired(project: Project, before: dict[str, str]) -> list[tuple[str, Row]]:
    """(event, payload) of what was moved since `before`."""
    after = refs(project.repository)
    changed = [name for name in sorted(before | after) if before.get(name) != after.get(name)]
    for kind in ("refs/heads/", "refs/tags/"):
        if sum(name.startswith(kind) for name in changed) > MOST_REFS:
            changed = [name for name in changed if not name.startswith(kind)]
    return [push(project, name, before.get(name, ZEROS), after.get(name, ZEROS)) for name in changed]


def push(project: Project, ref: str, before: str, after: str) -> tuple[str, Row]:
    tag = ref.startswith("refs/tags/")
    commit = commit_of(project.repository, after) if after != ZEROS else ""
    told = [] if not commit or tag else [commit]
    payload = {
        "object_kind": "tag_push" if tag else "push",
        "event_name": "tag_push" if tag else "push",
        "before": before,
        "after": after,
        "ref": ref,
        "ref_protected": True,
        "checkout_sha": commit or None,
        "message": None,
        "user_id": 4,
        "user_name": "Mia",
        "user_username": "mia",
        "user_email": "",
        "project_id": project.id,
        "project": {"id": project.id, "name": "shop", "path_with_namespace": project.path, "default_branch": "main"},
        "commits": [_commit(project, commit) for commit in told],
        "total_commits_count": len(told),
        "push_options": {},
        "repository": {"name": "shop"},
    }  # fmt: skip
    return ("Tag Push Hook" if tag else "Push Hook"), payload


def deliver(hook: Row, event: str, payload: Row, version: int) -> Delivery:
    """Once; GitLab never tries again."""
    body, number, stamp = json.dumps(payload).encode(), str(uuid.uuid4()), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"GitLab/{version}.0.0",
        "Idempotency-Key": number,
        "X-Gitlab-Event": event,
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
    }
    if version >= 19:
        headers |= {"webhook-id": number, "webhook-timestamp": stamp}
        if hook["signing_token"]:
            headers["webhook-signature"] = signature(hook["signing_token"], number, stamp, body)
    if hook["token"]:
        headers["X-Gitlab-Token"] = hook["token"]
    status, answer = _post(hook["url"], body, headers)
    _count(hook, 200 <= status < 400)
    return Delivery(hook["id"], number, headers, body, status, answer)


def signature(token: str, number: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(token.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def is_on(hook: Row) -> bool:
    if hook["failures"] >= FAILURES_TO_END:
        return False
    until = hook["disabled_until"]
    return until is None or datetime.fromisoformat(until) <= datetime.now(UTC)


def alert_status(hook: Row) -> str:
    if hook["failures"] >= FAILURES_TO_END:
        return "disabled"
    return "executable" if is_on(hook) else "temporarily_disabled"


def _count(hook: Row, good: bool) -> None:
    if good:
        hook |= {"failures": 0, "disabled_until": None}
        return
    hook["failures"] += 1
    beyond = hook["failures"] - FAILURES_TO_PAUSE
    if beyond >= 0:
        pause = min(timedelta(minutes=2**beyond), timedelta(days=1))
        hook["disabled_until"] = (datetime.now(UTC) + pause).isoformat()


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (loopback)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def _commit(project: Project, commit: str) -> dict[str, Any]:
    message = git(project.repository, "show", "-s", "--format=%B", commit)
    return {"id": commit, "message": message, "title": message, "author": {"name": "Mia", "email": ""}}
