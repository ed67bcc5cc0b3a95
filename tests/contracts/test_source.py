"""The contract of port `Source`, over git and over the stand-in."""

import os
import posixpath
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import NotFound, StageFailed, Stopped
from pipeline.fleet.service import Repository
from pipeline.secret import Secret
from pipeline.spec import BuildSpec, Spec
from runners.source import GitSource
from runners.stand_ins.delivery import MemorySource
from tests.parts.git_server import git_server
from tests.parts.origin import Origin

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


class GitRemote:
    def __init__(self, folder: Path) -> None:
        self.origin = Origin(folder / "acme" / "shop.git")
        self.source = GitSource(str(folder / "data"), os.environ)
        self.branch, self.ref, self.tag, self.forget = (
            self.origin.branch,
            self.origin.ref,
            self.origin.tag,
            self.origin.forget,
        )
        self.repository = Repository(self.origin.url)

    def commit(self, files: dict[str, str], parent: str = "") -> str:
        return self.origin.commit(files, parent=parent)

    @contextmanager
    def hanging(self) -> Iterator[Repository]:
        with git_server(self.origin.path.parent, password="pw") as server:
            server.stalls = True
            yield Repository(f"http://{server.address}/shop.git", forge="gitlab", token=Secret("pw"))


class MemoryRemote:
    def __init__(self, _: Path) -> None:
        self.source = MemorySource()
        self.repository = Repository("https://git.example.com/acme/shop.git")

    def commit(self, files: dict[str, str], parent: str = "") -> str:
        commit = f"{len(self.source.commits) + 1:040x}"[::-1]
        self.source.commits[commit], self.source.parents[commit] = files, parent
        return commit

    def ref(self, name: str, commit: str) -> None:
        self.source.refs[name] = commit

    def branch(self, name: str, commit: str) -> None:
        self.source.refs[f"refs/heads/{name}"] = commit

    def tag(self, name: str, commit: str) -> None:
        self.source.refs[f"refs/tags/{name}"] = commit

    def forget(self, name: str) -> None:
        del self.source.commits[self.source.refs.pop(f"refs/heads/{name}")]

    @contextmanager
    def hanging(self) -> Iterator[Repository]:
        self.source.hanging.add("checkout")
        yield self.repository
        self.source.hanging.clear()


def never() -> bool:
    return False


@dataclass
class Later:
    """Somebody who wants it to stop after having been asked some times."""

    times: int = 8

    def __call__(self) -> bool:
        self.times -= 1
        return self.times < 0


@dataclass
class Told:
    text: str = ""

    def __call__(self, text: str) -> None:
        self.text += text


@pytest.fixture(params=[GitRemote, MemoryRemote], ids=["git", "memory"])
def remote(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def shop(remote):
    """The remote with one commit on main, which a tag names too."""
    remote.first = remote.commit({"Dockerfile": "FROM x\n", "app/Dockerfile": "FROM y\n"})
    remote.branch("main", remote.first)
    remote.tag("v1", remote.first)
    return remote


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


def test_no_spec_is_all_defaults(shop):
    folder = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    assert shop.source.spec(folder, ".") == Spec()


def test_recipe_of_a_folder_of_the_repository(shop):
    folder = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    recipe = shop.source.recipe(folder, "app", BuildSpec())

    assert (recipe.context, recipe.dockerfile, recipe.text) == (f"{folder}/app", "Dockerfile", "FROM y\n")


@pytest.mark.parametrize(
    ("path", "build"),
    [
        (".", BuildSpec(dockerfile="Other")),
        ("nowhere", BuildSpec()),
        (".", BuildSpec(context="nowhere")),
        (".", BuildSpec(context="..")),
        (".", BuildSpec(dockerfile="../../../../etc/passwd")),
    ],
)
def test_recipe_that_is_missing_or_outside_fails_the_stage(shop, path, build):
    folder = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    with pytest.raises(StageFailed):
        shop.source.recipe(folder, path, build)


def tree_of(shop, files, inside="."):
    commit = shop.commit(files)
    shop.branch("main", commit)
    folder = shop.source.checkout(shop.repository, commit, "main", 1, print, never)
    place = posixpath.normpath(posixpath.join(folder, inside))
    return shop.source.tree(shop.repository, commit, folder, place)


def test_tree_is_equal_where_the_files_are_whatever_the_commit(shop):
    first = tree_of(shop, {"app/a": "1", "other": "x"}, "app")

    assert first
    assert tree_of(shop, {"app/a": "1", "other": "y"}, "app") == first
    assert tree_of(shop, {"app/a": "2", "other": "y"}, "app") != first


def test_tree_of_the_whole_repository_is_one_too(shop):
    assert tree_of(shop, {"a": "1"}) == tree_of(shop, {"a": "1"})
    assert tree_of(shop, {"a": "1"}) != tree_of(shop, {"a": "1", "b": ""})


def test_folder_that_is_not_there_has_no_tree(shop):
    assert tree_of(shop, {"a": "1"}, "gone") == ""


def test_cleaning_twice_is_fine(shop):
    shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    shop.source.clean(7)
    shop.source.clean(7)


def test_checkout_that_hangs_ends_when_it_is_stopped(shop):
    with shop.hanging() as repository:
        begun = time.monotonic()
        with pytest.raises(Stopped):
            shop.source.checkout(repository, shop.first, "main", 7, Told(), Later())

        assert time.monotonic() - begun < 5


def test_checkout_is_as_good_as_ever_after_one_that_was_stopped(shop):
    with pytest.raises(Stopped):
        shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), lambda: True)

    folder = shop.source.checkout(shop.repository, shop.first, "main", 7, Told(), never)

    assert shop.source.recipe(folder, ".", BuildSpec()).text == "FROM x\n"


def test_a_look_lists_every_branch_and_tags_when_asked(shop):
    shop.branch("release/1", shop.first)

    assert shop.source.look(shop.repository, tags=False) == {
        "refs/heads/main": shop.first,
        "refs/heads/release/1": shop.first,
    }
    assert shop.source.look(shop.repository, tags=True)["refs/tags/v1"] == shop.first


def test_commit_has_a_time(shop):
    commit = shop.commit({"a": "1"})
    shop.branch("main", commit)
    shop.source.checkout(shop.repository, commit, "main", 1, print, never)

    first, again = (shop.source.committed_at(shop.repository, commit) for _ in range(2))

    assert first == again
    assert first.utcoffset() == timedelta()
