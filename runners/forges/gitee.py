"""Gitee (码云): push, tag and pull request hooks, proved by a password, or by a signature over a timestamp.

Neither covers the body, whoever sees one delivery may send another: https is a must, and commits are checked again at
checkout. With `signing_secret` a password is refused; the same `secret` proves both ways.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote_plus

from pipeline.errors import BadSignature, Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook
from runners import merge_requests, webhook, webhook_proof
from runners.webhook import Fields

NAME = "gitee"
# The header's words, then the body's `hook_name`, which old hooks have alone.
PUSHES = ("Push Hook", "Tag Push Hook", "push_hooks", "tag_push_hooks")
PROOFS = {"password", "sign"}  # in the body too
PULL_REQUESTS = ("Merge Request Hook", "merge_request_hooks")
PUSHED = ("", "source_branch_changed")  # what an update may be; old hooks do not tell


class Gitee:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        data = webhook.fields(headers, body)
        return _project(data, _event(headers, data))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        _verify(headers, repository, now)
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data = webhook.fields(headers, body)
        event = _event(headers, data)
        project = _project(data, event)
        if not event:
            raise Refused("The header X-Gitee-Event is missing; is the sender Gitee?")
        masked = json.dumps({**data.values, **dict.fromkeys(PROOFS & data.values.keys(), "***")}).encode()
        # Gitee numbers no deliveries: the body is the key.
        hook = Hook(NAME, webhook.key(project, "", body), event, project, masked=masked)
        if event in PULL_REQUESTS and data.has("pull_request"):
            return _with_pull_request(hook, data)
        if event not in PUSHES:
            return webhook.with_note(hook, {})
        return webhook.with_push(hook, data)


def _verify(headers: Mapping[str, str], repository: Repository, now: datetime) -> None:
    signing = repository.signing.reveal()
    secret = signing or webhook_proof.secret_of(repository)
    given, stamp = headers.get("x-gitee-token", ""), headers.get("x-gitee-timestamp", "")
    if not given:
        raise BadSignature("The header X-Gitee-Token is missing. Set a password or a signing key at Gitee.")
    if not signing and webhook_proof.same(given, secret):
        return
    head = f"{stamp}\n{secret}".encode("utf-8", "surrogatepass")
    wanted = base64.b64encode(webhook_proof.signature(secret.encode(), head)).decode()
    # https://gitee.com/help/articles/4290 says url-encoded, and its own example is not.
    if not any([webhook_proof.same(given, one) for one in (wanted, quote_plus(wanted))]):
        ours = "`signing_secret`" if signing else "`secret`"
        raise BadSignature(f"X-Gitee-Token does not fit: Gitee's password or key is not the {ours} here.")
    webhook_proof.check_time(stamp[:-3], now)  # milliseconds


def _with_pull_request(hook: Hook, data: Fields) -> Hook:
    action, what = data.words("action"), data.words("action_desc")
    if action in ("open", "reopen") or (action == "update" and what in PUSHED):
        return merge_requests.with_pull_request(hook, data)
    return merge_requests.without_commits(hook, data, what if action == "update" else action)


def _event(headers: Mapping[str, str], data: Fields) -> str:
    return webhook.shown(headers.get("x-gitee-event", "")) or data.words("hook_name")


def _project(data: Fields, event: str) -> str:
    """Empty for an event that names no repository."""
    for key, name in (("repository", "full_name"), ("project", "path_with_namespace")):
        if data.has(key):
            return data.object(key).text(name)
    if event and event not in PUSHES:
        return ""
    raise Refused("The body's field 'repository' is missing; it must be an object.")
