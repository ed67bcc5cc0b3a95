"""Codeup (云效, Aliyun): push, tag and merge request hooks, proved by a shared token. The body is GitLab's of years ago.

The token does not cover the body: https is a must, and commits are checked again at checkout.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from pipeline.errors import Refused
from pipeline.fleet.service import Repository
from pipeline.intake.push import Hook
from runners import merge_requests, webhook, webhook_proof
from runners.webhook import Fields

NAME = "codeup"
EVENTS = ("x-codeup-event", "codeup-event")  # the second is what its manual says
KINDS = {"Push Hook": "push", "Tag Push Hook": "tag_push", "Merge Request Hook": "merge_request"}
PUSHES = ("push", "tag_push")
MERGE_REQUEST = "merge_request"
TEST = "test"
NOTES = {
    TEST: "a test: Codeup can reach Shipway and both know the same token",
}


class Codeup:
    """Implements the port `Forge`."""

    def project(self, headers: Mapping[str, str], body: bytes) -> str:
        data = webhook.fields(headers, body)
        return _project(data, _event(headers, data))

    def read(self, headers: Mapping[str, str], body: bytes, repository: Repository, now: datetime) -> Hook:
        given = headers.get("x-codeup-token", "")
        webhook_proof.check_token(repository, given, "X-Codeup-Token", "Codeup")
        return self.told(headers, body)

    def told(self, headers: Mapping[str, str], body: bytes) -> Hook:
        data = webhook.fields(headers, body)
        event = _event(headers, data)
        project = _project(data, event)
        if not event:
            raise Refused("The header X-Codeup-Event is missing; is the sender Codeup?")
        hook = Hook(NAME, webhook.key(project, "", body), event, project)  # Codeup numbers no deliveries
        if event == MERGE_REQUEST and data.has("object_attributes"):
            return _with_merge_request(hook, data)
        if event not in PUSHES:
            return webhook.with_note(hook, NOTES)
        return webhook.with_push(hook, data)


def _with_merge_request(hook: Hook, data: Fields) -> Hook:
    """The number is `local_id`, in older bodies `iid`."""
    asked = data.object("object_attributes")
    action = asked.words("action")
    key = "local_id" if asked.has("local_id") else "iid"
    if action in ("open", "reopen") or (action == "update" and asked.flag("is_update_by_push")):
        return merge_requests.with_merge_request(hook, data, asked.number(key))
    return merge_requests.with_nothing_new(hook, action, asked.values.get(key))


def _event(headers: Mapping[str, str], data: Fields) -> str:
    named = webhook.shown(webhook.header(headers, *EVENTS))
    if named and data.has("after") and not (data.has("ref") or data.has("repository")):
        return TEST  # its test button sends `before` and `after`, and nothing else
    return data.words("object_kind") or KINDS.get(named, named)


def _project(data: Fields, event: str) -> str:
    """The path of the clone address. Empty for an event that names no repository."""
    if event and event not in PUSHES and not data.has("repository"):
        return ""
    url = data.object("repository").text("git_http_url")
    try:
        path = urlsplit(url).path.strip("/").removesuffix(".git")
    except ValueError:
        path = ""
    if not path:
        raise Refused("The body's field 'repository.git_http_url' is not a clone address.")
    return path
