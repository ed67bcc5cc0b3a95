"""Small webhooks of every forge, of our own making, each with a push of COMMIT to main by ada; and how they are proved."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook
from pipeline.secret import Secret
from runners.forges import forge

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMMIT, TAG_OBJECT, BEFORE, ZEROS = "c" * 40, "a" * 40, "b" * 40, "0" * 40
SECRET = "It's a Secret to Everybody"
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
FORM = "application/x-www-form-urlencoded"


def repository(name: str, secret: str = SECRET, signing: str = "") -> Repository:
    return Repository("https://example.com/x.git", name, "acme/shop", Secret(secret), Secret(signing))


def gitlab(**changes: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "before": BEFORE,
        "after": COMMIT,
        "ref": "refs/heads/main",
        "checkout_sha": COMMIT,
        "user_username": "ada",
        "project": {"path_with_namespace": "acme/shop"},
        "commits": [{"id": BEFORE, "message": "[skip ci]"}, {"id": COMMIT, "message": "Add a shop"}],
    } | changes


def github(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "forced": True,
        "repository": {"full_name": "acme/shop"},
        "head_commit": {"id": COMMIT, "message": "Add a shop"},
        "sender": {"login": "ada"},
    } | changes


def gitea(**changes: Any) -> dict[str, Any]:
    return {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "commits": [{"id": COMMIT, "message": "Add a shop"}],
        "repository": {"full_name": "acme/shop", "clone_url": "https://evil.example.com/x.git"},
        "pusher": {"login": "eve", "username": "eve"},
        "sender": {"login": "ada"},
    } | changes


def gitee(**changes: Any) -> dict[str, Any]:
    return {
        "hook_name": "push_hooks",
        "password": SECRET,
        "sign": "bm90IHJlYWQ=",
        "timestamp": "1767323045000",
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "deleted": False,
        "head_commit": {"id": COMMIT, "message": "Add a shop"},
        "project": {"path_with_namespace": "acme/shop"},
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "ada"},
    } | changes


def side(kind: str = "branch", name: str = "main", commit: str = COMMIT) -> dict[str, Any]:
    return {"type": kind, "name": name, "target": {"hash": commit, "message": "Add a shop"}}


def change(**changes: Any) -> dict[str, Any]:
    return {"old": side(commit=BEFORE), "new": side(), "forced": True} | changes


def bitbucket(*changes: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {
        "actor": {"nickname": "ada", "display_name": "Ada L."},
        "repository": {"full_name": "acme/shop", "project": {"key": "OTHER"}},
        "push": {"changes": list(changes) or [change()]},
    } | others


def ref_change(ref: str = "refs/heads/main", before: str = BEFORE, after: str = COMMIT) -> dict[str, Any]:
    return {"ref": {"id": ref}, "fromHash": before, "toHash": after, "type": "UPDATE"}


def data_center(**changes: Any) -> dict[str, Any]:
    return {
        "eventKey": "repo:refs_changed",
        "actor": {"name": "ada", "displayName": "Ada L."},
        "repository": {"slug": "shop", "project": {"key": "acme"}},
        "changes": [ref_change()],
        "commits": [{"id": COMMIT, "message": "Add a shop"}],
    } | changes


def codeup(**changes: Any) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "before": BEFORE,
        "after": COMMIT,
        "ref": "refs/heads/main",
        "user_name": "ada",
        "repository": {"name": "shop", "git_http_url": "https://codeup.aliyun.com/acme/shop.git"},
        "commits": [{"id": BEFORE, "message": "[skip ci]"}, {"id": COMMIT, "message": "Add a shop"}],
    } | changes


def ours(**changes: Any) -> dict[str, Any]:
    update = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "commit": COMMIT,
        "message": "Add a shop",
    }
    return {
        "project": "acme/shop",
        "updates": [update],
        "pusher": "ada",
        "delivery": "d-1",
        "options": [],
    } | changes


BODIES = {
    "git": ours,
    "github": github,
    "gitlab": gitlab,
    "gitea": gitea,
    "forgejo": gitea,
    "gitee": gitee,
    "bitbucket": bitbucket,
    "bitbucket-dc": data_center,
    "codeup": codeup,
}
# Those whose signature covers the body.
SIGNED = ("bitbucket", "bitbucket-dc", "forgejo", "git", "gitea", "github")
EVENTS = {
    "github": {"x-github-event": "push"},
    "gitea": {"x-gitea-event": "push", "x-github-event": "push", "x-gogs-event": "push"},
    "forgejo": {"x-forgejo-event": "push", "x-gitea-event": "push", "x-github-event": "push"},
    "gitee": {"x-gitee-event": "Push Hook"},
    "bitbucket": {"x-event-key": "repo:push"},
    "bitbucket-dc": {"x-event-key": "repo:refs_changed"},
    "codeup": {"x-codeup-event": "Push Hook"},
    "gitlab": {"x-gitlab-event": "Push Hook"},
    "git": {},
}


def proof(name: str, body: bytes, secret: str = SECRET, now: datetime = NOW) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if name == "git":
        stamp = str(int(now.timestamp()))
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"x-shipway-timestamp": stamp, "x-shipway-signature": f"sha256={digest}"}
    return {
        "github": {"x-hub-signature-256": f"sha256={digest}"},
        "gitlab": {"x-gitlab-token": secret},
        "gitea": {"x-gitea-signature": digest},
        "forgejo": {"x-forgejo-signature": digest},
        "gitee": {"x-gitee-token": secret},
        "bitbucket": {"x-hub-signature": f"sha256={digest}"},
        "bitbucket-dc": {"x-hub-signature": f"sha256={digest}"},
        "codeup": {"x-codeup-token": secret},
    }[name]


def standard_webhook(body: bytes, stamp: str = "", key: bytes = b"k" * 32) -> dict[str, str]:
    """GitLab ≥ 19 with a signing token."""
    stamp = stamp or str(int(NOW.timestamp()))
    digest = hmac.new(key, f"m-1.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1,b2xk v1," + base64.b64encode(digest).decode()
    return {"webhook-id": "m-1", "webhook-timestamp": stamp, "webhook-signature": signature}


def gitee_signature(stamp: str = "", secret: str = SECRET) -> dict[str, str]:
    stamp = stamp or f"{int(NOW.timestamp())}988"
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return {"x-gitee-timestamp": stamp, "x-gitee-token": base64.b64encode(digest).decode()}


def read(name: str, payload: dict[str, Any], **headers: str) -> Hook:
    body = json.dumps(payload).encode()
    return forge(name).read(EVENTS[name] | proof(name, body) | headers, body, repository(name), NOW)
