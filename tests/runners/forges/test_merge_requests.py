"""Merge and pull requests of every forge: which actions build, what is read, and what is never trusted."""

from typing import Any

import pytest

from pipeline.errors import Refused
from pipeline.intake.push import EndedRequest, Hook, MergeRequest
from tests.runners.forges.bodies import COMMIT, read

ME, FORK = {"id": 1}, {"id": 2}
ZEROS = "0" * 40
Body = dict[str, Any]


def pull(
    action: str,
    desc: str = "",
    source: Any = ME,
    number: Any = 3,
    commit: Any = COMMIT,
    branch: str = "shop",
) -> Body:
    """GitHub, Gitea, Forgejo, Gitee."""
    return {
        "action": action,
        "action_desc": desc or None,
        "pull_request": {
            "number": number,
            "title": "Add a shop",
            "head": {"ref": branch, "sha": commit, "repo": source},
            "base": {"ref": "main", "sha": "b" * 40, "repo": ME},
        },
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "ada"},
    }


def merge(action: str, source: Any = 1, **attributes: Any) -> Body:
    """GitLab, Codeup."""
    asked = {
        "action": action,
        "iid": 3,
        "title": "A shop",
        "source_branch": "shop",
        "target_branch": "main",
        "source_project_id": source,
        "target_project_id": 1,
        "last_commit": {"id": COMMIT, "message": "Add a shop"},
    }
    return {
        "object_kind": "merge_request",
        "user": {"username": "ada"},
        "project": {"path_with_namespace": "acme/shop"},
        "repository": {"git_http_url": "https://codeup.aliyun.com/acme/shop.git"},
        "object_attributes": asked | attributes,
    }


def cloud(source: Any = "{1}", commit: str = COMMIT[:12]) -> Body:
    repository = {"full_name": "acme/shop", "uuid": "{1}"}
    return {
        "actor": {"nickname": "ada"},
        "repository": repository,
        "pullrequest": {
            "id": 3,
            "title": "Add a shop",
            "source": {
                "branch": {"name": "shop"},
                "commit": {"hash": commit},
                "repository": source and {"full_name": "x/y", "uuid": source},
            },
            "destination": {"branch": {"name": "main"}, "repository": repository},
        },
    }


def data_center(source: Any = 1, commit: str = COMMIT) -> Body:
    def side(number: Any, ref: str) -> Body:
        repository = {"slug": "shop", "project": {"key": "acme"}, "id": number}
        return {"id": f"refs/heads/{ref}", "latestCommit": commit, "repository": repository}

    return {
        "actor": {"name": "ada"},
        "pullRequest": {
            "id": 3,
            "title": "Add a shop",
            "fromRef": side(source, "shop"),
            "toRef": side(1, "main"),
        },
    }


EVENTS = {
    "github": {"x-github-event": "pull_request"},
    "gitea": {"x-gitea-event": "pull_request"},
    "forgejo": {"x-forgejo-event": "pull_request", "x-gitea-event": "pull_request"},
    "gitee": {"x-gitee-event": "Merge Request Hook"},
    "gitlab": {"x-gitlab-event": "Merge Request Hook"},
    "codeup": {"x-codeup-event": "Merge Request Hook"},
}
OPENED = {
    "github": pull("opened"),
    "gitea": pull("opened"),
    "forgejo": pull("opened"),
    "gitee": pull("open"),
    "gitlab": merge("open"),
    "codeup": merge("open"),
    "bitbucket": cloud(),
    "bitbucket-dc": data_center(),
}
REFS = {
    "gitlab": "refs/merge-requests/3/head",
    "codeup": "refs/merge-requests/3/head",
    "bitbucket": "refs/heads/shop",
    "bitbucket-dc": "refs/pull-requests/3/from",
}


def told(name: str, body: Body, event: str = "") -> Hook:
    if name.startswith("bitbucket"):
        event = event or {"bitbucket": "pullrequest:created", "bitbucket-dc": "pr:opened"}[name]
        return read(name, body, **{"x-event-key": event})
    return read(name, body, **EVENTS[name])


@pytest.mark.parametrize("name", sorted(OPENED))
def test_an_opened_request_is_read(name):
    hook = told(name, OPENED[name])

    assert (hook.pushes, hook.note) == ((), "")
    assert hook.requests == (
        MergeRequest(
            forge=name,
            project="acme/shop",
            number=3,
            ref=REFS.get(name, "refs/pull/3/head"),
            commit=COMMIT[:12] if name == "bitbucket" else COMMIT,
            target="main",
            fork=False,
            author="ada",
            message="Add a shop",
        ),
    )


NEW = [
    *(("github", pull(action), "") for action in ("opened", "reopened", "synchronize")),
    *(("gitea", pull(action), "") for action in ("opened", "reopened", "synchronized")),
    *(("forgejo", pull(action), "") for action in ("opened", "reopened", "synchronized")),
    *(("gitee", pull(action), "") for action in ("open", "reopen", "update")),
    ("gitee", pull("update", "source_branch_changed"), ""),
    *(("gitlab", merge(action), "") for action in ("open", "reopen")),
    ("gitlab", merge("update", oldrev="b" * 40), ""),
    *(("codeup", merge(action), "") for action in ("open", "reopen")),
    ("codeup", merge("update", is_update_by_push=True, iid=None, local_id=3, source_type="BRANCH"), ""),
    *(("bitbucket", cloud(), f"pullrequest:{event}") for event in ("created", "updated")),
    *(("bitbucket-dc", data_center(), f"pr:{event}") for event in ("opened", "from_ref_updated")),
]


@pytest.mark.parametrize(("name", "body", "event"), NEW)
def test_new_commits_build(name, body, event):
    (request,) = told(name, body, event).requests

    assert (request.number, request.fork) == (3, False)


OVER = "the merge request was {}; there is nothing to build"
SAME = "'{}' of a merge request brings no new commit"


@pytest.mark.parametrize(
    ("name", "body", "event", "note"),
    [
        ("github", pull("closed"), "", OVER.format("closed")),
        *(
            ("github", pull(action), "", SAME.format(action))
            for action in ("labeled", "edited", "assigned", "")
        ),
        ("gitea", pull("closed"), "", OVER.format("closed")),
        ("gitea", pull("label_updated"), "", SAME.format("label_updated")),
        ("forgejo", pull("edited"), "", SAME.format("edited")),
        ("gitee", pull("merge"), "", OVER.format("merged")),
        ("gitee", pull("close"), "", OVER.format("closed")),
        ("gitee", pull("update", "update_label"), "", SAME.format("update_label")),
        ("gitee", pull("update", "target_branch_changed"), "", SAME.format("target_branch_changed")),
        ("gitlab", merge("merge"), "", OVER.format("merged")),
        ("gitlab", merge("close"), "", OVER.format("closed")),
        ("gitlab", merge("update"), "", SAME.format("update")),
        ("gitlab", merge("approved"), "", SAME.format("approved")),
        ("codeup", merge("update", is_update_by_push=False), "", SAME.format("update")),
        ("codeup", merge("merge"), "", OVER.format("merged")),
        ("bitbucket", cloud(), "pullrequest:fulfilled", OVER.format("merged")),
        ("bitbucket", cloud(), "pullrequest:rejected", OVER.format("declined")),
        ("bitbucket", cloud(), "pullrequest:approved", SAME.format("approved")),
        ("bitbucket-dc", data_center(), "pr:merged", OVER.format("merged")),
        ("bitbucket-dc", data_center(), "pr:declined", OVER.format("declined")),
        ("bitbucket-dc", data_center(), "pr:deleted", OVER.format("deleted")),
        ("bitbucket-dc", data_center(), "pr:modified", SAME.format("modified")),
    ],
)
def test_what_brings_no_commit_is_ignored_and_says_why(name, body, event, note):
    hook = told(name, body, event)

    assert (hook.requests, hook.pushes, hook.note) == ((), (), note)
    over = note.removeprefix("the merge request was ").partition(";")[0]
    assert hook.ended == ((EndedRequest(3, over),) if note == OVER.format(over) else ())


@pytest.mark.parametrize("name", ["github", "gitea", "forgejo"])
def test_what_github_calls_closed_may_have_been_merged(name):
    body = pull("closed")
    body["pull_request"]["merged"] = True

    assert told(name, body).ended == (EndedRequest(3, "merged"),)


@pytest.mark.parametrize("number", [None, 0, "3", True, 1 << 31, {}])
def test_request_without_a_number_ends_nothing(number):
    assert told("github", pull("closed", number=number)).ended == ()
    assert told("gitlab", merge("close", iid=number)).ended == ()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *((name, pull("opened", source=FORK)) for name in ("github", "gitea", "forgejo")),
        *((name, pull("opened", source=None)) for name in ("github", "gitea", "forgejo")),
        ("github", pull("opened", source={})),
        ("github", pull("opened", source="me")),
        ("gitee", pull("open", source=FORK)),
        (
            "gitea",
            pull("opened", branch="refs/pull/3/head"),
        ),  # AGit: pushed to refs/for/main by whoever may read
        ("gitea", pull("opened", branch="")),
        ("codeup", merge("open", source_type="COMMIT")),  # the same there
        ("codeup", merge("open", source_branch="refs/for/main/x")),
        ("gitlab", merge("open", source=2)),
        ("gitlab", merge("open", source=None)),
        ("codeup", merge("open", source=2)),
        ("bitbucket-dc", data_center(source=2)),
        ("bitbucket-dc", data_center(source=None)),
    ],
)
def test_what_comes_from_elsewhere_or_nobody_knows_where_is_a_fork(name, body):
    (request,) = told(name, body).requests

    assert request.fork


@pytest.mark.parametrize("source", ["{2}", None])
def test_a_fork_at_bitbucket_cloud_cannot_be_fetched_and_says_so(source):
    hook = told("bitbucket", cloud(source=source))

    assert hook.requests == ()
    assert "Bitbucket Cloud has no ref" in hook.note


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *(("github", pull("opened", number=number)) for number in (None, 0, -1, "3", True, 1 << 31)),
        *(("github", pull("opened", commit=commit)) for commit in (None, "", "abc", ZEROS)),
        ("gitlab", merge("open", iid=None)),
        ("gitlab", merge("open", last_commit=None)),
        ("gitlab", merge("open", target_branch="")),
        ("bitbucket", cloud(commit="--upload-pack=x")),
        ("bitbucket", cloud(commit="abc")),
        ("bitbucket-dc", data_center(commit=ZEROS)),
    ],
)
def test_a_request_without_what_is_needed_is_refused(name, body):
    with pytest.raises(Refused):
        told(name, body)


@pytest.mark.parametrize("name", ["github", "gitea", "gitee", "gitlab", "codeup"])
def test_a_request_of_no_project_is_refused_although_a_secret_fits(name):
    body = {key: value for key, value in OPENED[name].items() if key not in ("repository", "project")}

    with pytest.raises(Refused, match="names no repository"):
        told(name, body)


@pytest.mark.parametrize("head", [{"repo": None, "sha": COMMIT}, None, 7, {"repo": {"id": 1}}])
@pytest.mark.parametrize("action", ["closed", "labeled", None])
@pytest.mark.parametrize("name", ["github", "gitea"])
def test_no_request_that_brings_nothing_is_too_odd_for_a_note(name, action, head):
    assert told(name, pull(action) | {"pull_request": {"head": head}}).note


def test_clone_addresses_in_the_body_are_never_read():
    evil = {"clone_url": "https://evil.example.com/x.git", "id": 1}

    (request,) = told("github", pull("opened", source=evil)).requests

    assert "evil" not in str(request)
