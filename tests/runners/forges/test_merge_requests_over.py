"""Events of merge requests that build nothing: what is said of each, and which ends what was built before."""

import pytest

from pipeline.intake.push import EndedRequest
from tests.runners.forges.request_bodies import cloud, data_center, merge, pull, told

OVER = "the merge request was {}; there is nothing to build"
SAME = "'{}' of a merge request brings no new commit"


@pytest.mark.parametrize(
    ("name", "body", "event", "note"),
    [
        ("github", pull("closed"), "", OVER.format("closed")),
        *(("github", pull(action), "", SAME.format(action)) for action in ("labeled", "edited", "assigned")),
        ("github", pull(""), "", "an event without an action of a merge request brings no new commit"),
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
        (
            "gitlab",
            merge(""),  # a system hook, or the button that tests a hook
            "",
            "an event without an action of a merge request brings no new commit",
        ),
        ("codeup", merge("update", is_update_by_push=False), "", SAME.format("update")),
        ("codeup", merge("merge"), "", OVER.format("merged")),
        ("bitbucket", cloud(), "pullrequest:fulfilled", OVER.format("merged")),
        ("bitbucket", cloud(), "pullrequest:rejected", OVER.format("declined")),
        ("bitbucket", cloud(), "pullrequest:approved", SAME.format("approved")),
        ("bitbucket-dc", data_center(), "pr:merged", OVER.format("merged")),
        ("bitbucket-dc", data_center(), "pr:declined", OVER.format("declined")),
        ("bitbucket-dc", data_center(), "pr:deleted", OVER.format("deleted")),
        ("bitbucket-dc", data_center(), "pr:modified", SAME.format("modified")),
        ("bitbucket-dc", data_center(), "pr:comment:deleted", SAME.format("comment:deleted")),
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


@pytest.mark.parametrize("name", ["gitea", "github"])
def test_the_number_may_stand_beside_the_request(name):
    body = pull("opened", number=None) | {"number": 3}

    (request,) = told(name, body).requests

    assert request.number == 3


@pytest.mark.parametrize("number", [None, 0, "3", True, 1 << 31, {}])
def test_request_without_a_number_ends_nothing(number):
    assert told("github", pull("closed", number=number)).ended == ()
    assert told("gitlab", merge("close", iid=number)).ended == ()
