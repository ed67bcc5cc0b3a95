"""The contract of port `Source`, over git and over the stand-in."""

import pytest

from pipeline.errors import NotFound, StageFailed
from pipeline.spec import BuildSpec
from tests.contracts.remotes import Told, never
from tests.contracts.remotes import remote as remote
from tests.contracts.remotes import shop as shop

HOSTILE = [
    "-x",
    "--upload-pack=touch pwned",
    "../../etc",
    "$(id)",
    "a b",
    "a\0b",
    "a\nb",
    "",
    "a..b",
    "refs/heads/",
    "*",
    "a:b",
]


@pytest.mark.parametrize(
    ("ref", "kind", "short"),
    [
        ("main", "branch", "main"),
        ("refs/heads/main", "branch", "main"),
        ("v1", "tag", "v1"),
        ("refs/tags/v1", "tag", "v1"),
    ],
)
def test_refs_are_resolved_to_the_commit_behind_them(shop, ref, kind, short):
    assert shop.source.resolve(shop.repository, ref) == (kind, short, shop.first)


@pytest.mark.parametrize("length", [8, 40])
def test_commits_are_resolved_also_by_their_beginning(shop, length):
    assert shop.source.resolve(shop.repository, shop.first[:length]) == ("commit", shop.first, shop.first)


def test_branch_wins_over_a_tag_of_its_name(shop):
    second = shop.commit({"Dockerfile": "FROM z\n"})
    shop.branch("v1", second)

    assert shop.source.resolve(shop.repository, "v1") == ("branch", "v1", second)


@pytest.mark.parametrize("ref", [*HOSTILE, "nothing", "f" * 40, "fffffff", "refs/tags/main"])
def test_what_is_not_there_is_not_found(shop, ref):
    with pytest.raises(NotFound):
        shop.source.resolve(shop.repository, ref)


def test_moved_branch_is_resolved_as_it_is_now(shop):
    second = shop.commit({"Dockerfile": "FROM z\n"})
    shop.branch("main", second)

    assert shop.source.resolve(shop.repository, "main")[2] == second


@pytest.mark.parametrize("ref", ["main", "v1", "", "gone-since", *HOSTILE])
def test_checkout_gives_the_commit_whatever_its_ref_is_called(shop, ref):
    folder = shop.source.checkout(shop.repository, shop.first, ref, 7, Told(), never)

    assert shop.source.recipe(folder, ".", BuildSpec()).text == "FROM x\n"


@pytest.mark.parametrize("name", ["$(id)", "feature/#1;reboot", "-x", "ünï"])
def test_strangely_named_branch_is_a_branch(shop, name):
    second = shop.commit({"Dockerfile": "FROM z\n"})
    shop.branch(name, second)

    assert shop.source.resolve(shop.repository, name) == ("branch", name, second)
    folder = shop.source.checkout(shop.repository, second, name, 7, Told(), never)
    assert shop.source.recipe(folder, ".", BuildSpec()).text == "FROM z\n"


def test_checkout_gives_the_exact_commit_not_the_newest(shop):
    shop.branch("main", shop.commit({"Dockerfile": "FROM z\n"}))
    shop.branch("other", shop.first)

    folder = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    assert shop.source.recipe(folder, ".", BuildSpec()).text == "FROM x\n"


def test_checkout_twice_gives_the_same_folder(shop):
    first = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    assert shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never) == first


def test_runs_have_folders_of_their_own(shop):
    one = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)
    two = shop.source.checkout(shop.repository, shop.first, "main", 8, Told(), never)
    shop.source.clean(7)

    assert one != two
    assert shop.source.recipe(two, ".", BuildSpec()).text == "FROM x\n"


@pytest.mark.parametrize(
    "name", ["refs/merge-requests/1/head", "refs/pull/1/head", "refs/pull-requests/1/from"]
)
def test_a_commit_that_only_a_ref_of_the_forge_holds_is_checked_out_by_it(shop, name):
    head = shop.commit({"Dockerfile": "FROM z\n"}, shop.first)
    shop.ref(name, head)

    folder = shop.source.checkout(shop.repository, head, name, 7, Told(), never)

    assert shop.source.recipe(folder, ".", BuildSpec()).text == "FROM z\n"


def test_changes_are_told_also_of_files_that_went_or_were_renamed(shop):
    files = {"app/x": "1\n", "lib/ü y": "2\n", "old": "3\n", "same": "4\n"}
    base = shop.commit(files, shop.first)
    middle = shop.commit(files | {"app/x": "5\n"}, base)
    head = shop.commit({"app/x": "5\n", "lib/ü y": "6\n", "new": "3\n", "same": "4\n"}, middle)
    shop.branch("main", head)
    shop.source.checkout(shop.repository, head, "main", 7, Told(), never)

    assert set(shop.source.changes(shop.repository, base, head)) == {"app/x", "lib/ü y", "new", "old"}
    assert shop.source.changes(shop.repository, head, head) == ()


def test_what_does_not_come_after_is_not_compared(shop):
    lost = shop.commit({"Dockerfile": "FROM y\n"}, shop.first)
    shop.branch("main", lost)
    shop.source.checkout(shop.repository, lost, "main", 7, Told(), never)
    head = shop.commit({"Dockerfile": "FROM z\n"}, shop.first)
    shop.branch("main", head)
    shop.source.checkout(shop.repository, head, "main", 7, Told(), never)

    for since in (lost, "f" * 40, "", "-x", "main"):
        with pytest.raises(NotFound, match="does not come after"):
            shop.source.changes(shop.repository, since, head)


def test_the_merge_base_is_where_a_commit_left_the_branch(shop):
    head = shop.commit({"Dockerfile": "FROM z\n"}, shop.first)
    shop.ref("refs/pull/1/head", head)
    shop.branch("main", shop.commit({"Dockerfile": "FROM y\n"}, shop.first))
    shop.source.checkout(shop.repository, head, "refs/pull/1/head", 7, Told(), never)

    assert shop.source.merge_base(shop.repository, head, "main", never) == shop.first
    for branch in ("gone", "-x", "$(id)"):
        with pytest.raises(NotFound, match="shares no commit"):
            shop.source.merge_base(shop.repository, head, branch, never)


def test_vanished_commit_is_said(shop):
    lost = shop.commit({"Dockerfile": "FROM z\n"})
    shop.branch("lost", lost)
    shop.forget("lost")

    with pytest.raises(StageFailed, match="no longer in"):
        shop.source.checkout(shop.repository, lost, "lost", 7, Told(), never)


def test_log_names_the_commit(shop):
    told = Told()

    shop.source.checkout(shop.repository, shop.first, "main", 7, told, never)

    assert shop.first[:12] in told.text
