"""GitHub: push events, signed with HMAC-SHA256 over the raw body. Never trusts a field before the signature fits."""

from collections.abc import Mapping
from datetime import datetime

from pipeline.errors import BadSignature, Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, Push, RefKind
from runners import webhook
from runners.webhook import Fields

NAME = "github"
NOTES = {
    "ping": "ping: GitHub can reach Shipway and both know the same secret",
    "pull_request": "pull requests are not built yet",
}


class GitHub:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        return _project(webhook.fields(headers, body))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        _verify(headers, body, repository)
        data = webhook.fields(headers, body)
        project, event = _project(data), headers.get("x-github-event", "")
        if not event:
            raise Refused("The header X-GitHub-Event is missing; is the sender GitHub?")
        key = webhook.key(project, headers.get("x-github-delivery", ""), body)
        if event != "push":
            note = NOTES.get(event, f"event {event[:80]!r} is nothing to build")
            return Hook(NAME, key, event, project, note=note)
        ref = data.text("ref")
        found = webhook.split_ref(ref)
        if found is None:
            return Hook(NAME, key, event, project, note=f"{ref!r} is neither a branch nor a tag")
        return Hook(NAME, key, event, project, (_push(data, project, *found),))


def _verify(headers: Mapping[str, str], body: bytes, repository: Repository) -> None:
    secret = webhook.secret_of(repository)
    given = headers.get("x-hub-signature-256", "")
    if not given:
        raise BadSignature("The header X-Hub-Signature-256 is missing. Set the webhook's secret at GitHub.")
    wanted = "sha256=" + webhook.signature(secret.encode(), body).hex()
    if not webhook.same(given, wanted):
        raise BadSignature(
            "X-Hub-Signature-256 does not fit: the secret at GitHub is not the one in shipway.yml."
        )


def _project(data: Fields) -> str:
    return data.object("repository").text("full_name")


def _push(data: Fields, project: str, kind: RefKind, ref: str) -> Push:
    before, commit = data.commit("before"), data.commit("after")
    head = data.object("head_commit") if data.has("head_commit") else None
    if commit and head is not None:
        commit = head.commit("id")  # of an annotated tag, `after` is the tag object
    return Push(
        forge=NAME,
        project=project,
        kind=kind,
        ref=ref,
        commit=commit,
        before=before,
        author=_author(data),
        message=head.words("message", webhook.LONGEST_MESSAGE) if head else "",
        forced=data.flag("forced"),
    )


def _author(data: Fields) -> str:
    if data.has("sender"):
        return data.object("sender").words("login")
    return data.object("pusher").words("name") if data.has("pusher") else ""
