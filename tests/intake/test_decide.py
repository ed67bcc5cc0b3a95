"""A push and a service in, runs or a reason out."""

import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.run import NewRun
from pipeline.fleet.service import Environment, MergeRequests, Repository, Service
from pipeline.intake.decide import bad_ref, decide, decide_request
from pipeline.intake.push import MergeRequest, Push, RefKind

COMMIT = "0123456789" * 4
PUSH = Push("gitlab", "acme/shop", RefKind.BRANCH, "main", COMMIT, author="ada", message="Add a shop")
SHOP = Service(
    "shop",
    Repository("/srv/shop.git"),
    environments={
        "test": Environment("shop", "test", (), branches=("test", "release/*")),
        "production": Environment("shop", "production", (), branches=("main",), tags=("v*",)),
        "canary": Environment("shop", "canary", (), branches=("main",)),
        "open": Environment("shop", "open", (), branches=("open*",), tags=("open*",)),
    },
)


HEAD = "refs/merge-requests/3/head"
REQUEST = MergeRequest("gitlab", "acme/shop", 3, HEAD, COMMIT, "main", False, "ada", "Add a shop")


def reason(push: Push) -> str:
    decision = decide(push, SHOP)
    assert isinstance(decision, str)
    return decision


def test_every_environment_that_takes_the_branch_gets_a_run():
    assert decide(PUSH, SHOP) == (
        NewRun("shop", "production", "branch", "main", COMMIT, "push:ada", "Add a shop"),
        NewRun("shop", "canary", "branch", "main", COMMIT, "push:ada", "Add a shop"),
    )


def test_a_tag_goes_where_its_pattern_is():
    runs = decide(replace(PUSH, kind=RefKind.TAG, ref="v1.2", author=""), SHOP)

    assert runs == (NewRun("shop", "production", "tag", "v1.2", COMMIT, "push:unknown", "Add a shop"),)


@pytest.mark.parametrize(
    ("kind", "ref"), [(RefKind.BRANCH, "v1"), (RefKind.TAG, "main"), (RefKind.BRANCH, "mains")]
)
def test_a_ref_that_nobody_takes_gives_a_reason(kind, ref):
    assert reason(replace(PUSH, kind=kind, ref=ref)) == f"no environment of shop takes {kind} '{ref}'"


def test_a_force_push_is_a_push():
    assert len(decide(replace(PUSH, forced=True), SHOP)) == 2


@pytest.mark.parametrize("kind", list(RefKind))
def test_a_deleted_ref_gives_a_reason(kind):
    assert reason(replace(PUSH, kind=kind, ref="open", commit="")) == f"{kind} 'open' was deleted"


@pytest.mark.parametrize(
    "words", ["[skip ci]", "[ci skip]", "[Skip CI]", "[no ci]", "[skip shipway]", "[ci-skip]", "[skip_ci]"]
)
def test_a_message_can_ask_to_be_skipped(words):
    assert (
        reason(replace(PUSH, message=f"Fix it\n\n{words}")) == "the push to branch 'main' asks to be skipped"
    )


@pytest.mark.parametrize(
    "words", ["skip ci", "[skip]", "[ci]", "[skip ci for now]", "[skip  ci]", "[no cider]"]
)
def test_words_that_only_look_like_it_skip_nothing(words):
    assert len(decide(replace(PUSH, message=f"Explain {words}"), SHOP)) == 2


@pytest.mark.parametrize("options", [{"ci.skip": ""}, {"ci.skip": "true"}, {"shipway.skip": ""}])
def test_a_push_option_can_ask_to_be_skipped(options):
    assert "asks to be skipped" in reason(replace(PUSH, options=options))


@pytest.mark.parametrize("options", [{}, {"ci.skip": "false"}, {"ci.variable": "skip"}])
def test_other_push_options_skip_nothing(options):
    assert len(decide(replace(PUSH, options=options), SHOP)) == 2


@pytest.mark.parametrize(
    "ref",
    [
        "$(id)",
        "open$(id)",
        "`id`",
        "-x",
        "--upload-pack=x",
        "../../etc",
        "open/../etc",
        "open;id",
        "open|y",
        "open&",
        "open>x",
        'open"',
        "open'",
        "open\nx",
        "open\x00",
        "open\x7f",
        "open\u202egnp",
        "open\ud800",
        "open x",
        "open~1",
        "open^",
        "open:x",
        "open?",
        "open*",
        "open[",
        "open\\x",
        "open@{1}",
        "@",
        "open.",
        "open/",
        "/open",
        "open//x",
        "open/.x",
        ".open",
        "open.lock",
        "open.lock/x",
        "",
        "open" + "x" * 252,
        "open" + "é" * 126,
    ],
)
@pytest.mark.parametrize("kind", list(RefKind))
def test_a_hostile_ref_name_gives_a_reason(kind, ref):
    assert "is not accepted" in reason(replace(PUSH, kind=kind, ref=ref))


@pytest.mark.parametrize(
    "ref",
    [
        "main",
        "release/1.2",
        "feature/JIRA-12_x",
        "功能/登录",
        "v1.0.0-rc.1+build",
        "a@b",
        "x#1",
        "a=b",
        "x" * 255,
    ],
)
def test_an_honest_ref_name_is_accepted(ref):
    assert bad_ref(ref) == ""


@pytest.mark.parametrize(
    "ref",
    [
        "a",
        "a.b",
        ".a",
        "a.",
        "a..b",
        "a.lock",
        "a.locker",
        "a/b",
        "a//b",
        "/a",
        "a/",
        "a/.b",
        "a b",
        "a~",
        "a^",
        "a:",
        *("a?", "a*", "a[", "a\\", "a@{", "a@", "a{", "a\tb", "a\x7f", "a.lock/b", "@a", "é"),
    ],
)
def test_no_name_that_git_refuses_is_accepted(ref):
    git = subprocess.run(["git", "check-ref-format", f"refs/heads/{ref}"], check=False, timeout=10)

    assert bool(bad_ref(ref)) == (git.returncode != 0)


def test_a_merge_request_gets_one_run_for_no_environment():
    (run,) = decide_request(REQUEST, SHOP)

    assert run == NewRun(
        "shop", "", "merge_request", HEAD, COMMIT, "push:ada", "Add a shop", 3, target="main", fork=False
    )
    assert run.place == "merge request 3"


@pytest.mark.parametrize(
    ("fork", "allowed", "why"),
    [
        (False, MergeRequests(), ""),
        (
            True,
            MergeRequests(),
            "comes from a fork and is not built: `merge_requests.forks` of shop is false",
        ),
        (True, MergeRequests(forks=True), ""),
        (False, MergeRequests(enabled=False), "is not built: `merge_requests.enabled` of shop is false"),
        (True, MergeRequests(False, True), "is not built: `merge_requests.enabled` of shop is false"),
    ],
)
def test_the_operator_says_which_merge_requests_are_built(fork, allowed, why):
    decision = decide_request(replace(REQUEST, fork=fork), replace(SHOP, merge_requests=allowed))

    assert decision == f"merge request 3 {why}" if why else decision[0].fork == fork


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message": "Draft [no ci]"}, "asks to be skipped"),
        ({"target": "-x"}, "is not accepted: '-x' is no name for a branch"),
        ({"target": ""}, "is not accepted"),
        ({"ref": "refs/heads/$(id)"}, "is not accepted"),
    ],
)
def test_a_merge_request_that_is_not_built_says_why(changes, why):
    assert why in decide_request(replace(REQUEST, **changes), SHOP)


@given(
    st.builds(
        Push,
        st.text(),
        st.text(),
        st.sampled_from(RefKind),
        st.text(),
        st.sampled_from([COMMIT, ""]),
        st.text(),
        st.text(),
        st.text(),
        st.booleans(),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_every_push_is_answered_with_runs_or_a_reason(push):
    assert decide(push, SHOP)
