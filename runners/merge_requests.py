"""Reads merge and pull requests in the two shapes that most forges share: GitHub's `pull_request`, GitLab's
`object_attributes`. What builds nothing becomes a note; decides nothing else, and knows no forge.

A request comes from a fork unless both repositories are named and the same, and a branch of it is the source: whoever may
read can push to refs/for/… where a forge has AGit-Flow. What nobody can say is not trusted.
"""

from dataclasses import replace

from pipeline.errors import Refused
from pipeline.intake.push import EndedRequest, Hook, MergeRequest
from runners import webhook
from runners.webhook import Fields

OVER = {
    **{"close": "closed", "closed": "closed", "merge": "merged", "merged": "merged"},
    **{"fulfilled": "merged", "rejected": "declined", "declined": "declined", "deleted": "deleted"},
}


def with_request(hook: Hook, request: MergeRequest) -> Hook:
    """Raises `Refused` for one of no project: any secret of the forge would have proved it."""
    if not hook.project:
        raise Refused("The merge request names no repository that it would go into.")
    if not request.commit:
        raise Refused("The merge request has no commit: it is all zeros.")
    return replace(hook, requests=(request,))


def with_nothing_new(hook: Hook, action: str, number: object, merged: bool = False) -> Hook:
    """The hook with why this action of a merge request builds nothing. `number` as the body has it, whatever that is;
    `merged`: what GitHub calls closed was."""
    if action in OVER:
        how = "merged" if merged else OVER[action]
        known = (
            isinstance(number, int) and not isinstance(number, bool) and 0 < number < webhook.LARGEST_NUMBER
        )
        ended = (EndedRequest(int(str(number)), how),) if known else ()
        return replace(hook, note=f"the merge request was {how}; there is nothing to build", ended=ended)
    what = repr(action) if action else "an event without an action"
    return replace(hook, note=f"{what} of a merge request brings no new commit")


def with_pull_request(hook: Hook, data: Fields) -> Hook:
    """GitHub's shape, which Gitea, Forgejo and Gitee share, their refs included."""
    pull = data.object("pull_request")
    head, base = pull.object("head"), pull.object("base")
    number = (pull if pull.has("number") else data).number("number")
    request = MergeRequest(
        forge=hook.forge,
        project=hook.project,
        number=number,
        ref=f"refs/pull/{number}/head",
        commit=head.commit("sha"),
        target=base.text("ref"),
        fork=differ(id_of(head), id_of(base)) or not _is_branch(head.words("ref")),
        author=webhook.author(data),
        message=pull.words("title", webhook.LONGEST_MESSAGE),
    )
    return with_request(hook, request)


def with_merge_request(hook: Hook, data: Fields, number: int) -> Hook:
    """GitLab's shape, which Codeup shares, its refs included."""
    asked = data.object("object_attributes")
    last = asked.object("last_commit")
    words = (last.words("message", webhook.LONGEST_MESSAGE), asked.words("title", webhook.LONGEST_MESSAGE))
    request = MergeRequest(
        forge=hook.forge,
        project=hook.project,
        number=number,
        ref=f"refs/merge-requests/{number}/head",
        commit=last.commit("id"),
        target=asked.text("target_branch"),
        fork=differ(asked.values.get("source_project_id"), asked.values.get("target_project_id"))
        or not _is_branch(asked.words("source_branch"), asked.words("source_type")),
        author=webhook.author(data),
        message=next((text for text in words if text), ""),
    )
    return with_request(hook, request)


def without_commits(hook: Hook, data: Fields, action: str) -> Hook:
    """An action of GitHub's shape that brings none."""
    pull = data.object("pull_request").values
    return with_nothing_new(hook, action, pull.get("number"), pull.get("merged") is True)


def id_of(side: Fields, key: str = "repo") -> object:
    """Of the repository on one side; None when it is not told, as of a fork that was deleted."""
    repository = side.values.get(key)
    return repository.get("id") if isinstance(repository, dict) else None


def _is_branch(ref: str, kind: str = "") -> bool:
    return bool(ref) and not ref.startswith("refs/") and kind.upper() in ("", "BRANCH")


def differ(one: object, other: object) -> bool:
    return one is None or one != other
