"""Merge and pull requests of every forge: which actions build, what is read, and what is never trusted."""

import pytest

from pipeline.errors import Refused
from pipeline.intake.push import MergeRequest
from tests.runners.forges.bodies import COMMIT
from tests.runners.forges.request_bodies import (
    FORK,
    OPENED,
    REFS,
    ZEROS,
    cloud,
    data_center,
    merge,
    pull,
    told,
)


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
