"""GitLab: push, tag and merge request hooks, proved by a signature (GitLab ≥ 19, Standard Webhooks) or by a shared token.

Once a signing secret is configured an unsigned delivery is refused, token or not: no downgrade.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pipeline.errors import BadSignature, Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook, Push, RefKind
from runners import merge_requests, webhook, webhook_proof
from runners.webhook import Fields

NAME = "gitlab"
PUSHES = ("push", "tag_push")
KINDS = {"Push Hook": "push", "Tag Push Hook": "tag_push"}
MERGE_REQUEST = "merge_request"


class GitLab:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        data = webhook.fields(headers, body)
        return _project(data, _event(headers, data))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        _verify(headers, body, repository, now)
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data = webhook.fields(headers, body)
        event = _event(headers, data)
        project = _project(data, event)
        # X-Gitlab-Event-UUID is shared by recursive hooks and X-Gitlab-Webhook-UUID is new on a resend: neither is an id.
        delivery = webhook.header(headers, "webhook-id", "idempotency-key")
        hook = Hook(NAME, webhook.key(project, delivery, body), event, project)
        if event == MERGE_REQUEST and data.has("object_attributes"):
            return _with_merge_request(hook, data)
        if event not in PUSHES:
            return webhook.with_note(hook, {})
        ref = data.text("ref")
        found = webhook.split_ref(ref)
        if found is None:
            return replace(hook, note=webhook.not_a_ref(ref))
        if data.commit("after") and "checkout_sha" in data.values and not data.has("checkout_sha"):
            return replace(hook, note=f"{found[0]} {found[1]!r} does not point at a commit")
        return replace(hook, pushes=(_push(data, project, *found),))


def _verify(headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> None:
    if repository.signing:
        _verify_signature(headers, body, repository.signing.reveal(), now)
    else:
        given = headers.get("x-gitlab-token", "")
        webhook_proof.check_token(repository, given, "X-Gitlab-Token", "GitLab")


def _verify_signature(headers: Mapping[str, str], body: bytes, signing: str, now: datetime) -> None:
    """https://www.standardwebhooks.com: HMAC-SHA256 over `id.timestamp.body`; one of several signatures must fit."""
    given = headers.get("webhook-signature", "")
    if not given:
        raise BadSignature(
            "The delivery is not signed, but a `signing_secret` is configured. Set it at GitLab (≥ 19)."
        )
    stamp = headers.get("webhook-timestamp", "")
    webhook_proof.check_time(stamp, now)
    head = f"{headers.get('webhook-id', '')}.{stamp}.".encode("utf-8", "surrogatepass")
    digest = webhook_proof.signature(_signing_key(signing), head + body)
    wanted = "v1," + base64.b64encode(digest).decode()
    if not any([webhook_proof.same(one, wanted) for one in given.split()]):
        raise BadSignature(
            "webhook-signature does not fit: GitLab's signing token is not the `signing_secret` here."
        )


def _signing_key(signing: str) -> bytes:
    try:
        return base64.b64decode(signing.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(
            "`signing_secret` in shipway.yml is not a signing token; it looks like whsec_…"
        ) from None


def _event(headers: Mapping[str, str], data: Fields) -> str:
    """System hooks have an `event_name` only, and a few events nothing but their header."""
    named = webhook.shown(headers.get("x-gitlab-event", ""))
    return data.words("object_kind") or data.words("event_name") or KINDS.get(named, named)


def _project(data: Fields, event: str) -> str:
    """Empty for an event of a group, a user or the whole instance."""
    if event and event not in PUSHES and not data.has("project"):
        return ""
    return data.object("project").text("path_with_namespace")


def _with_merge_request(hook: Hook, data: Fields) -> Hook:
    """Only an update by a push says what was there before."""
    asked = data.object("object_attributes")
    action = asked.words("action")
    if action in ("open", "reopen") or (action == "update" and asked.has("oldrev")):
        return merge_requests.with_merge_request(hook, data, asked.number("iid"))
    return merge_requests.with_nothing_new(hook, action, asked.values.get("iid"))


def _push(data: Fields, project: str, kind: RefKind, ref: str) -> Push:
    commit = data.commit("after")
    if commit and data.has("checkout_sha"):
        commit = data.commit("checkout_sha")  # of an annotated tag, `after` is the tag object
    return Push(
        forge=NAME,
        project=project,
        kind=kind,
        ref=ref,
        commit=commit,
        before=data.commit("before"),
        author=webhook.author(data),
        message=webhook.message(data, commit),
        options=_options(data),
    )


def _options(data: Fields) -> dict[str, str]:
    """`{"ci": {"skip": true}}` -> `{"ci.skip": "true"}`."""
    options = data.values.get("push_options")
    if options is None or options == []:
        return {}
    if not isinstance(options, dict):
        raise Refused("The body's field 'push_options' is not an object.")
    flat: dict[str, str] = {}
    for group, value in options.items():
        inner = value if isinstance(value, dict) else {"": value}
        for name, setting in inner.items():
            flat[f"{group}.{name}".rstrip(".")] = str(setting).lower()
    return flat
