"""Gitea and Forgejo: push and pull request events, signed with HMAC-SHA256 over the JSON.

Both also send GitHub's headers, so theirs are looked at first. Of a form they sign the JSON inside it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, Push, RefKind
from runners import merge_requests, webhook, webhook_proof
from runners.webhook import Fields

EVENTS = ("x-forgejo-event", "x-gitea-event", "x-gogs-event")
DELIVERIES = ("x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery")
SIGNATURES = ("x-forgejo-signature", "x-gitea-signature", "x-hub-signature-256")
PULL_REQUESTS = ("pull_request", "pull_request_sync")
NEW = ("opened", "reopened", "synchronized")  # the last: new commits
NOTES = {
    "create": "a branch was created; its push event tells what to build",
    "delete": "a branch or tag was deleted; there is nothing to build",
}


class Gitea:
    """Implements the port `Forge`."""

    def __init__(self, name: str = "gitea") -> None:
        self._name = name

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        return _project(webhook.fields(headers, body), _event(headers))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        payload = webhook.payload(headers, body)
        given = webhook.header(headers, *SIGNATURES)
        webhook_proof.check_signature(
            repository, given, "X-Gitea-Signature", self._name.title(), payload, body
        )
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data, event = webhook.fields(headers, body), _event(headers)
        project = _project(data, event)
        if not event:
            raise Refused("The header X-Gitea-Event is missing; is the sender Gitea or Forgejo?")
        key = webhook.key(project, webhook.header(headers, *DELIVERIES), body)
        hook = Hook(self._name, key, event, project)
        if event in PULL_REQUESTS and data.has("pull_request"):
            return _with_pull_request(hook, data)
        if event == "create" and data.words("ref_type") == "tag" and data.has("sha"):
            return replace(hook, pushes=(_created(hook, data),))
        if event != "push":
            return webhook.with_note(hook, NOTES)
        return _with_tip(webhook.with_push(hook, data), data)


def _created(hook: Hook, data: Fields) -> Push:
    """A hook may be set to `create` without `push`; with both, `tip` tells that they are one."""
    tip, ref = data.commit("sha"), data.text("ref").removeprefix("refs/tags/")
    return Push(hook.forge, hook.project, RefKind.TAG, ref, tip, author=webhook.author(data), tip=tip)


def _with_tip(hook: Hook, data: Fields) -> Hook:
    pushes = (
        replace(push, tip=data.commit("after")) if push.kind is RefKind.TAG and not push.before else push
        for push in hook.pushes
    )
    return replace(hook, pushes=tuple(pushes))


def _with_pull_request(hook: Hook, data: Fields) -> Hook:
    action = data.words("action")
    if action in NEW:
        return merge_requests.with_pull_request(hook, data)
    return merge_requests.without_commits(hook, data, action)


def forgejo() -> Gitea:
    return Gitea("forgejo")


def _event(headers: Mapping[str, str]) -> str:
    return webhook.shown(webhook.header(headers, *EVENTS))


def _project(data: Fields, event: str) -> str:
    """Empty for an event of an organisation or of the whole instance."""
    if event not in ("", "push") and not data.has("repository"):
        return ""
    return data.object("repository").text("full_name")
