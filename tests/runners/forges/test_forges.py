"""Webhooks of every forge: proofs, fields, notes; and whatever else a stranger may send."""

import json

import pytest

from pipeline.errors import NotFound
from pipeline.intake.push import Push, RefKind
from runners.forges import Forges, forge, known
from tests.runners.forges.bodies import (
    BEFORE,
    BODIES,
    COMMIT,
    TAG_OBJECT,
    ZEROS,
    bitbucket,
    change,
    codeup,
    data_center,
    gitea,
    gitee,
    github,
    gitlab,
    ours,
    read,
    ref_change,
    side,
)

each_forge = pytest.mark.parametrize("name", sorted(BODIES))


def test_the_table_names_every_forge():
    assert set(known()) == set(Forges()) == set(BODIES)
    assert len(Forges()) == 9
    assert "svn" not in Forges()


def test_an_unknown_forge_is_told():
    with pytest.raises(NotFound, match=r"There is no forge 'svn'\. Known: git, github, gitlab"):
        forge("svn")


@each_forge
def test_a_push_is_read(name):
    (push,) = read(name, BODIES[name]()).pushes

    assert push == Push(
        forge=name,
        project="acme/shop",
        kind=RefKind.BRANCH,
        ref="main",
        commit=COMMIT,
        before=BEFORE,
        author="ada",
        message="Add a shop",
        forced=name in ("bitbucket", "github"),
    )


@each_forge
def test_the_project_is_read_before_anything_is_proved(name):
    assert Forges()[name].project({}, json.dumps(BODIES[name]()).encode()) == "acme/shop"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "gitlab",
            gitlab(object_kind="tag_push", ref="refs/tags/v1", after=TAG_OBJECT, message="One", commits=[]),
        ),
        ("github", github(ref="refs/tags/v1", after=TAG_OBJECT)),
        ("gitea", gitea(ref="refs/tags/v1", after=TAG_OBJECT, head_commit={"id": COMMIT}, commits=[])),
        ("gitee", gitee(ref="refs/tags/v1", after=TAG_OBJECT, hook_name="tag_push_hooks", commits=None)),
        ("bitbucket", bitbucket(change(old=None, new=side("tag", "v1") | {"message": "One"}))),
        (
            "git",
            ours(updates=[{"ref": "refs/tags/v1", "before": ZEROS, "after": TAG_OBJECT, "commit": COMMIT}]),
        ),
    ],
)
def test_an_annotated_tag_builds_its_commit(name, payload):
    (push,) = read(name, payload).pushes

    assert (push.kind, push.ref, push.commit) == (RefKind.TAG, "v1", COMMIT)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(object_kind="tag_push", ref="refs/tags/v1")),
        ("github", github(ref="refs/tags/v1")),
        ("gitea", gitea(ref="refs/tags/v1", before=ZEROS)),
        ("gitee", gitee(ref="refs/tags/v1", before=ZEROS)),
        ("bitbucket", bitbucket(change(old=None, new=side("tag", "v1")))),
        ("bitbucket-dc", data_center(changes=[ref_change("refs/tags/v1", ZEROS)])),
        ("codeup", codeup(object_kind="tag_push", ref="refs/tags/v1", commits=[])),
        ("git", ours(updates=[{"ref": "refs/tags/v1", "before": ZEROS, "after": COMMIT}])),
    ],
)
def test_a_plain_tag_is_read(name, payload):
    (push,) = read(name, payload).pushes

    assert (push.kind, push.ref, push.commit) == (RefKind.TAG, "v1", COMMIT)


@pytest.mark.parametrize("zeros", ["0" * 40, "0" * 64])
@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", lambda zeros: gitlab(after=zeros, checkout_sha=None, commits=[])),
        ("github", lambda zeros: github(after=zeros, head_commit=None)),
        ("gitea", lambda zeros: gitea(after=zeros, commits=[])),
        ("gitee", lambda zeros: gitee(after=zeros, deleted=True, head_commit=None)),
        ("bitbucket", lambda zeros: bitbucket(change(new=None, closed=True))),
        ("bitbucket", lambda zeros: bitbucket(change(new=None, old=side("tag", "v1")))),
        ("bitbucket-dc", lambda zeros: data_center(changes=[ref_change(after=zeros)], commits=[])),
        ("codeup", lambda zeros: codeup(after=zeros, commits=[])),
        ("git", lambda zeros: ours(updates=[{"ref": "refs/heads/main", "before": BEFORE, "after": zeros}])),
    ],
)
def test_a_deleted_branch_is_told_as_such(name, payload, zeros):
    (push,) = read(name, payload(zeros)).pushes

    assert push.deleted


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(before=ZEROS, commits=[])),
        ("gitlab", {key: value for key, value in gitlab().items() if key not in ("commits", "checkout_sha")}),
        ("github", github(before=ZEROS, head_commit=None, sender=None, pusher={"name": "ada"})),
        ("github", github(sender=None)),
        ("gitea", gitea(before=ZEROS, commits=[], head_commit={"id": COMMIT, "message": "x"})),
        ("gitea", gitea(before=ZEROS, commits=None, pusher=None, sender=None)),
        ("gitee", gitee(before=ZEROS, commits=None, head_commit=None, sender=None, user_name="ada")),
        ("gitee", {key: value for key, value in gitee().items() if key != "repository"}),
        ("bitbucket", bitbucket(change(old=None, created=True))),
        ("bitbucket-dc", data_center(changes=[ref_change(before=ZEROS)], commits=None)),
        ("codeup", codeup(before=ZEROS, commits=None)),
        ("git", ours(updates=[{"ref": "refs/heads/main", "before": ZEROS, "after": COMMIT}])),
    ],
)
def test_a_branch_without_news_is_a_push_too(name, payload):
    assert [push.commit for push in read(name, payload).pushes] == [COMMIT]


def test_a_sha256_repository_is_understood():
    long = "d" * 64

    assert read("gitlab", gitlab(after=long, checkout_sha=long, before="0" * 64)).pushes[0].commit == long


def test_a_tag_on_no_commit_is_nothing_to_build():
    hook = read("gitlab", gitlab(object_kind="tag_push", ref="refs/tags/tree", checkout_sha=None))

    assert (hook.pushes, hook.note) == ((), "tag 'tree' does not point at a commit")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("gitlab", gitlab(ref="refs/notes/x")),
        ("github", github(ref="refs/heads/")),
        ("gitea", gitea(ref="refs/pull/1/head")),
        ("gitee", gitee(ref="refs/notes/x")),
        ("codeup", codeup(ref="refs/keep-around/x")),
        ("bitbucket", bitbucket(change(new=side("named_branch", "default")))),
        ("bitbucket", bitbucket(push={"changes": []})),
        ("bitbucket-dc", data_center(changes=[ref_change("refs/notes/x")])),
        ("bitbucket-dc", data_center(changes=[])),
        ("git", ours(updates=[{"ref": "refs/notes/x", "before": ZEROS, "after": COMMIT}])),
        ("git", ours(updates=[])),
    ],
)
def test_other_refs_are_nothing_to_build(name, payload):
    hook = read(name, payload)

    assert (hook.pushes, bool(hook.note)) == ((), True)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, {}),
        ([], {}),
        (None, {}),
        ({"ci": {"skip": True}}, {"ci.skip": "true"}),
        ({"ci": {"variable": "A=b"}, "mr": "x"}, {"ci.variable": "a=b", "mr": "x"}),
    ],
)
def test_push_options_of_gitlab_are_flattened(given, options):
    assert read("gitlab", gitlab(push_options=given)).pushes[0].options == options


def test_push_options_of_git_are_split():
    options = read("git", ours(options=["ci.skip", "note=a=b"])).pushes[0].options

    assert options == {"ci.skip": "", "note": "a=b"}


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "git",
            ours(updates=[{"ref": f"refs/heads/{x}", "before": ZEROS, "after": COMMIT} for x in "abc"]),
        ),
        ("bitbucket", bitbucket(*[change(new=side(name=x)) for x in "abc"])),
        ("bitbucket-dc", data_center(changes=[ref_change(f"refs/heads/{x}") for x in "abc"])),
    ],
)
def test_several_refs_of_one_push_are_all_read(name, payload):
    assert [push.ref for push in read(name, payload).pushes] == ["a", "b", "c"]


@each_forge
def test_a_push_of_more_commits_than_the_forge_lists_is_read(name):
    many = [{"id": f"{n:040x}", "message": "[skip ci]"} for n in range(1, 21)]

    (push,) = read(name, BODIES[name](commits=many, total_commits_count=500)).pushes

    assert (push.commit, "[skip ci]" in push.message) == (COMMIT, False)


def test_what_people_wrote_cannot_hurt_a_database():
    payload = gitlab(user_username="a\0\ud800" + "x" * 500, commits=[{"id": COMMIT, "message": "m" * 9000}])

    push = read("gitlab", payload).pushes[0]

    assert push.author.startswith("a?xxx")
    assert (len(push.author), len(push.message)) == (199, 4000)
