"""Real pushes into real bare repositories, told to a small server."""

from pipeline.intake.push import Push, RefKind
from runners.bare_repository import init
from tests.runners.bare_repository.ground import git, pushes, said


def test_a_push_is_told_and_the_pusher_sees_the_run(clone, server, tmp_path):
    output = git(clone, "push", "origin", "HEAD:main")

    commit = git(clone, "rev-parse", "HEAD").strip()
    assert said(output) == [f"Shipway: run 12 queued for shop/test: {server.url}/api/v1/runs/12"]
    assert server.told[0][0] == "/hooks/git"
    assert pushes(server, tmp_path) == (
        Push("git", "shop", RefKind.BRANCH, "main", commit, "", "ada", "Add a shop\n\nWith goods."),
    )


def test_links_lead_to_the_public_address(clone, server, tmp_path):
    init(
        str(tmp_path / "shop.git"),
        "shop",
        server.url,
        str(tmp_path / "keys" / "shop.secret"),
        "https://ship.example/",
    )

    output = git(clone, "push", "origin", "HEAD:main")

    assert said(output) == ["Shipway: run 12 queued for shop/test: https://ship.example/api/v1/runs/12"]


def test_a_force_push_is_told_as_such(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main")
    git(clone, "commit", "--amend", "--allow-empty", "-m", "Another")

    git(clone, "push", "--force", "origin", "HEAD:main")

    assert [push.forced for push in pushes(server, tmp_path)] == [True]


def test_a_plain_second_push_is_not_forced(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main")
    git(clone, "commit", "--allow-empty", "-m", "More")

    git(clone, "push", "origin", "HEAD:main")

    assert [push.forced for push in pushes(server, tmp_path)] == [False]


def test_an_annotated_tag_is_told_with_its_commit(clone, server, tmp_path):
    git(clone, "tag", "-a", "v1", "-m", "One")

    git(clone, "push", "origin", "v1")

    commit = git(clone, "rev-parse", "HEAD").strip()
    assert [(push.kind, push.ref, push.commit) for push in pushes(server, tmp_path)] == [
        (RefKind.TAG, "v1", commit)
    ]


def test_a_deleted_branch_is_told(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main", "HEAD:old")

    git(clone, "push", "origin", ":old")

    assert [(push.ref, push.deleted) for push in pushes(server, tmp_path)] == [("old", True)]


def test_several_refs_travel_in_one_delivery(clone, server, tmp_path):
    git(clone, "push", "origin", "HEAD:main", "HEAD:test", "HEAD:$(id)")

    assert {push.ref for push in pushes(server, tmp_path)} == {"main", "test", "$(id)"}
    assert len(server.told) == 1


def test_push_options_travel_too(clone, server, tmp_path):
    git(clone, "push", "-o", "ci.skip", "-o", "note=x", "origin", "HEAD:main")

    assert pushes(server, tmp_path)[0].options == {"ci.skip": "", "note": "x"}


def test_a_reason_for_doing_nothing_is_shown(clone, server):
    server.answers = [(200, {"delivery": 1, "ignored": "no environment of shop takes branch 'x'"})]

    output = git(clone, "push", "origin", "HEAD:x")

    assert said(output) == ["Shipway: nothing to do: no environment of shop takes branch 'x'"]


def test_without_targets_only_the_runs_are_shown(clone, server):
    server.answers, server.targets = [(202, {"delivery": 1, "runs": [12, 13]})], ""

    output = git(clone, "push", "origin", "HEAD:main")

    assert said(output) == [f"Shipway: run {run} queued: {server.url}/api/v1/runs/{run}" for run in (12, 13)]
