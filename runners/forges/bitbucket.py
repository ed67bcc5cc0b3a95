"""Bitbucket Cloud and Data Center: pushes, signed with HMAC-SHA256 over the raw body.

One delivery may tell of many refs. The two products write different bodies; the event's name says which it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, Push, RefKind
from runners import webhook, webhook_proof
from runners.webhook import Fields

CLOUD_PUSH, DATA_CENTER_PUSH = "repo:push", "repo:refs_changed"
KINDS = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}  # the others are Mercurial's
PULL_REQUESTS = (
    *("pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected"),
    *("pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged", "pr:declined", "pr:deleted"),
)
NOTES = dict.fromkeys(PULL_REQUESTS, "pull requests are not built yet") | {
    "diagnostics:ping": "ping: Bitbucket can reach Shipway and both know the same secret"
}


class Bitbucket:
    """Implements the port `Forge`."""

    def __init__(self, name: str = "bitbucket") -> None:
        self._name = name

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        return _project(webhook.fields(headers, body), _event(headers))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        given = webhook.header(headers, "x-hub-signature", "x-hub-signature-256")
        webhook_proof.check_signature(repository, given, "X-Hub-Signature", "Bitbucket", body)
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data, event = webhook.fields(headers, body), _event(headers)
        project = _project(data, event)
        if not event:
            raise Refused("The header X-Event-Key is missing; is the sender Bitbucket?")
        key = webhook.key(project, webhook.header(headers, "x-request-uuid", "x-request-id"), body)
        hook = Hook(self._name, key, event, project)
        if event not in (CLOUD_PUSH, DATA_CENTER_PUSH):
            return webhook.with_note(hook, NOTES)
        pushes = _cloud(hook, data) if event == CLOUD_PUSH else _data_center(hook, data)
        return replace(hook, pushes=pushes, note="" if pushes else "neither a branch nor a tag moved")


def data_center() -> Bitbucket:
    return Bitbucket("bitbucket-dc")


def _event(headers: Mapping[str, str]) -> str:
    return webhook.shown(headers.get("x-event-key", ""))


def _project(data: Fields, event: str) -> str:
    """Cloud: workspace/repository. Data Center: PROJECT/repository, for a pull request that it would go into."""
    inner = data.object("pullRequest").object("toRef") if data.has("pullRequest") else data
    if event not in ("", CLOUD_PUSH, DATA_CENTER_PUSH) and not inner.has("repository"):
        return ""
    repository = inner.object("repository")
    if repository.has("full_name"):
        return repository.text("full_name")
    return f"{repository.object('project').text('key')}/{repository.text('slug')}"


def _cloud(hook: Hook, data: Fields) -> tuple[Push, ...]:
    pushes = []
    for change in data.object("push").objects("changes"):
        side = change.object("new" if change.has("new") else "old")
        kind = KINDS.get(side.words("type"))
        if kind is None:
            continue
        target = side.object("target")
        commit = target.commit("hash") if change.has("new") else ""
        pushes.append(
            Push(
                forge=hook.forge,
                project=hook.project,
                kind=kind,
                ref=side.text("name"),
                commit=commit,
                before=change.object("old").object("target").commit("hash") if change.has("old") else "",
                author=webhook.author(data),
                message=target.words("message", webhook.LONGEST_MESSAGE) if commit else "",
                forced=change.flag("forced"),
            )
        )
    return tuple(pushes)


def _data_center(hook: Hook, data: Fields) -> tuple[Push, ...]:
    """Of an annotated tag, `toHash` is the tag object: checkout finds its commit."""
    pushes = []
    for change in data.objects("changes"):
        found = webhook.split_ref(change.object("ref").text("id"))
        if found is None:
            continue
        commit = change.commit("toHash")
        pushes.append(
            Push(
                forge=hook.forge,
                project=hook.project,
                kind=found[0],
                ref=found[1],
                commit=commit,
                before=change.commit("fromHash"),
                author=webhook.author(data),
                message=webhook.message(data, commit),
            )
        )
    return tuple(pushes)
