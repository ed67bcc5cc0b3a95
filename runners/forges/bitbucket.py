"""Bitbucket Cloud and Data Center: pushes and pull requests, signed with HMAC-SHA256 over the raw body.

One delivery may tell of many refs. The two products write different bodies; the event's name says which it is. Cloud
shows the head of a pull request under no ref: it is fetched by the source branch, which has to be in the same
repository, and Cloud tells only the first digits of the commit.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, MergeRequest, Push, RefKind
from runners import webhook, webhook_proof
from runners.merge_requests import differ, id_of, with_nothing_new, with_request
from runners.webhook import Fields

CLOUD_PUSH, DATA_CENTER_PUSH = "repo:push", "repo:refs_changed"
KINDS = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}  # the others are Mercurial's
CLOUD_NEW = (
    "pullrequest:created",
    "pullrequest:updated",
)  # the second also for its texts: Cloud does not tell which
DATA_CENTER_NEW = ("pr:opened", "pr:from_ref_updated")
ABBREVIATED = re.compile(r"[0-9a-f]{7,64}")
NO_REF = (
    "the pull request comes from a fork, and Bitbucket Cloud has no ref by which its commits could be fetched"
)
NOTES = {"diagnostics:ping": "ping: Bitbucket can reach Shipway and both know the same secret"}


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
        if data.has("pullrequest") or data.has("pullRequest"):
            return _with_pull_request(hook, data)
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


def _with_pull_request(hook: Hook, data: Fields) -> Hook:
    if hook.event in CLOUD_NEW:
        return _cloud_request(hook, data)
    if hook.event in DATA_CENTER_NEW:
        return _data_center_request(hook, data)
    pull = data.values.get("pullrequest") or data.values.get("pullRequest")
    number = pull.get("id") if isinstance(pull, dict) else None
    return with_nothing_new(hook, hook.event.partition(":")[2], number)  # pr:comment:deleted ends nothing


def _cloud_request(hook: Hook, data: Fields) -> Hook:
    pull = data.object("pullrequest")
    source, destination = pull.object("source"), pull.object("destination")
    if differ(_uuid(source), _uuid(destination)):
        return replace(hook, note=NO_REF)
    request = MergeRequest(
        forge=hook.forge,
        project=hook.project,
        number=pull.number("id"),
        ref=f"refs/heads/{source.object('branch').text('name')}",
        commit=_abbreviated(source.object("commit")),
        target=destination.object("branch").text("name"),
        fork=False,
        author=webhook.author(data),
        message=pull.words("title", webhook.LONGEST_MESSAGE),
    )
    return with_request(hook, request)


def _uuid(side: Fields) -> object:
    repository = side.values.get("repository")
    return repository.get("uuid") or repository.get("full_name") if isinstance(repository, dict) else None


def _abbreviated(commit: Fields) -> str:
    found = commit.text("hash")
    if not ABBREVIATED.fullmatch(found):
        raise Refused(
            "The body's field 'pullrequest.source.commit.hash' is not a commit, nor the beginning of one."
        )
    return found


def _data_center_request(hook: Hook, data: Fields) -> Hook:
    pull = data.object("pullRequest")
    source, target = pull.object("fromRef"), pull.object("toRef")
    number = pull.number("id")
    request = MergeRequest(
        forge=hook.forge,
        project=hook.project,
        number=number,
        ref=f"refs/pull-requests/{number}/from",
        commit=source.commit("latestCommit"),
        target=target.text("id").removeprefix("refs/heads/"),
        fork=differ(id_of(source, "repository"), id_of(target, "repository")),
        author=webhook.author(data),
        message=pull.words("title", webhook.LONGEST_MESSAGE),
    )
    return with_request(hook, request)
