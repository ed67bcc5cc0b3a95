"""The contract of a source's folders: recipes, trees, cleaning, and checkouts that are stopped."""

import posixpath
import time
from datetime import timedelta

import pytest

from pipeline.errors import StageFailed, Stopped
from pipeline.spec import BuildSpec, Spec
from tests.contracts.remotes import Later, Told, never
from tests.contracts.remotes import remote as remote
from tests.contracts.remotes import shop as shop


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
    listed = shop.source.look(shop.repository, tags=True)
    assert listed.get("refs/tags/v1^{}", listed["refs/tags/v1"]) == shop.first


def test_commit_has_a_time(shop):
    commit = shop.commit({"a": "1"})
    shop.branch("main", commit)
    shop.source.checkout(shop.repository, commit, "main", 1, print, never)

    first, again = (shop.source.committed_at(shop.repository, commit) for _ in range(2))

    assert first == again
    assert first.utcoffset() == timedelta()
