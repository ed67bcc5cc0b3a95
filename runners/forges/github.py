"""GitHub: push and pull request events, signed with HMAC-SHA256 over the raw body, JSON or form. Never trusts a field before the
signature fits.
"""

from collections.abc import Mapping
from datetime import datetime

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook
from runners import merge_requests, webhook, webhook_proof
from runners.webhook import Fields

NAME = "github"
PULL_REQUEST = "pull_request"
NEW = ("opened", "reopened", "synchronize")  # the last: new commits
NOTES = {
    "ping": "ping: GitHub can reach Shipway and both know the same secret",
    "create": "a branch or tag was created; its push event tells what to build",
    "delete": "a branch or tag was deleted; there is nothing to build",
}


class GitHub:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        return _project(webhook.fields(headers, body), _event(headers))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        given = headers.get("x-hub-signature-256", "")
        webhook_proof.check_signature(repository, given, "X-Hub-Signature-256", "GitHub", body)
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data, event = webhook.fields(headers, body), _event(headers)
        project = _project(data, event)
        if not event:
            raise Refused("The header X-GitHub-Event is missing; is the sender GitHub?")
        key = webhook.key(project, headers.get("x-github-delivery", ""), body)
        hook = Hook(NAME, key, event, project)
        if event == PULL_REQUEST and data.has("pull_request"):
            return _with_pull_request(hook, data)
        if event != "push":
            return webhook.with_note(hook, NOTES)
        return webhook.with_push(hook, data)


def _with_pull_request(hook: Hook, data: Fields) -> Hook:
    action = data.words("action")
    if action in NEW:
        return merge_requests.with_pull_request(hook, data)
    return merge_requests.without_commits(hook, data, action)


def _event(headers: Mapping[str, str]) -> str:
    return webhook.shown(headers.get("x-github-event", ""))


def _project(data: Fields, event: str) -> str:
    """Empty for an event of an organisation, a user or an app."""
    if event not in ("", "push") and not data.has("repository"):
        return ""
    return data.object("repository").text("full_name")
