"""Events that are nothing to build: a note says what came, and no project is needed."""

import pytest

from tests.runners.forges.bodies import (
    BEFORE,
    BODIES,
    COMMIT,
    EVENTS,
    codeup,
    data_center,
    gitea,
    gitlab,
    read,
)

each_forge = pytest.mark.parametrize("name", sorted(BODIES))


GONE = "a branch or tag was deleted; there is nothing to build"


MADE = "a branch or tag was created; its push event tells what to build"


@pytest.mark.parametrize(
    ("name", "event", "note"),
    [
        ("github", "ping", "ping: GitHub can reach Shipway and both know the same secret"),
        ("github", "pull_request", "event 'pull_request' is nothing to build"),
        ("github", "create", MADE),
        ("github", "delete", GONE),
        ("github", "deployment", "event 'deployment' is nothing to build"),
        ("github", "check_run", "event 'check_run' is nothing to build"),
        ("gitea", "create", "a branch was created; its push event tells what to build"),
        ("gitea", "delete", GONE),
        ("gitea", "issues", "event 'issues' is nothing to build"),
        ("forgejo", "action_run_failure", "event 'action_run_failure' is nothing to build"),
        ("gitee", "Note Hook", "event 'Note Hook' is nothing to build"),
        ("bitbucket", "repo:commit_status_updated", "event 'repo:commit_status_updated' is nothing to build"),
        (
            "bitbucket-dc",
            "diagnostics:ping",
            "ping: Bitbucket can reach Shipway and both know the same secret",
        ),
        ("gitlab", "pipeline", "event 'pipeline' is nothing to build"),
        ("gitlab", "issue", "event 'issue' is nothing to build"),
        ("codeup", "note", "event 'note' is nothing to build"),
    ],
)
@pytest.mark.parametrize("project", [True, False])
def test_other_events_have_a_note_and_need_no_project(name, event, note, project):
    payload = BODIES[name](object_kind=event, hook_name=event)
    kept = payload if project else {key: payload[key] for key in ("object_kind", "hook_name")}

    hook = read(name, kept, **dict.fromkeys(EVENTS[name], event))

    assert (hook.pushes, hook.note, hook.event) == ((), note, event)
    assert hook.project == ("acme/shop" if project else "")


def test_a_pull_request_of_bitbucket_data_center_is_its_targets():
    ends = {key: {"repository": data_center()["repository"]} for key in ("toRef",)}
    fork = {"repository": {"slug": "shop", "project": {"key": "~EVE"}}}

    hook = read("bitbucket-dc", {"pullRequest": {"fromRef": fork} | ends}, **{"x-event-key": "pr:merged"})

    assert hook.project == "acme/shop"


def test_the_test_button_of_codeup_is_told_as_such():
    hook = read("codeup", {"before": BEFORE, "after": COMMIT})

    assert (hook.pushes, hook.project, hook.event) == ((), "", "test")
    assert hook.note == "a test: Codeup can reach Shipway and both know the same token"


def test_the_header_that_the_manual_of_codeup_names_is_read_too():
    payload = codeup(object_kind=None)

    assert read("codeup", payload, **{"x-codeup-event": "", "codeup-event": "Push Hook"}).pushes


def test_gitea_is_told_from_the_headers_of_github_that_it_sends_as_well():
    assert read("gitea", gitea(), **{"x-github-event": "ping"}).pushes


@pytest.mark.parametrize("kind", ["object_kind", "event_name", "header"])
def test_an_event_of_gitlab_has_its_name_in_one_of_three_places(kind):
    payload = gitlab(object_kind=None) | ({} if kind == "header" else {kind: "push"})

    assert read("gitlab", payload).pushes[0].commit == COMMIT


def test_a_system_hook_is_read_by_its_event_name():
    payload = gitlab(object_kind=None, event_name="push")

    assert read("gitlab", payload).pushes[0].commit == COMMIT
