"""What a look makes of a repository, against what was last seen."""

from dataclasses import replace

import pytest

from pipeline.fleet.service import Environment, FirstSight, Repository, Service
from pipeline.intake.missed import bound, compare, runs_of
from pipeline.intake.sight import Comparison, Move, Sight

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN, RELEASE, V1 = "refs/heads/main", "refs/heads/release/1", "refs/tags/v1"
REPOSITORY = Repository("https://robot:hush@git.example.com/acme/shop.git", "gitlab", "acme/shop")
SHOP = Service(
    "shop",
    REPOSITORY,
    environments={
        "test": Environment("shop", "test", (), branches=("main", "release/*")),
        "production": Environment("shop", "production", (), branches=("main",), tags=("v*",)),
    },
)
KNOWN = Sight("shop", 3, "https://git.example.com/acme/shop.git", bound(SHOP), {MAIN: A})


def move(ref: str, commit: str, before: str = "") -> Move:
    return Move("shop", ref, commit, before)


@pytest.mark.parametrize(
    ("refs", "missed", "noted"),
    [
        ({MAIN: A}, (), ()),
        ({MAIN: B}, (move(MAIN, B, A),), ()),
        ({MAIN: A, RELEASE: B}, (move(RELEASE, B),), ()),
        ({MAIN: A, V1: B}, (move(V1, B),), ()),
        ({MAIN: A, "refs/heads/wip": B, "refs/tags/w1": B}, (), ()),
        ({MAIN: A, "refs/tags/main": B, "refs/heads/v2": B}, (), ()),
        ({RELEASE: A}, (move(RELEASE, A),), (move(MAIN, "", A),)),
        ({MAIN: A, V1: B, V1 + "^{}": C}, (move(V1, C),), ()),
    ],
    ids=[
        "nothing",
        "moved or forced",
        "new branch",
        "new tag",
        "not bound",
        "other kind",
        "renamed",
        "annotated",
    ],
)
def test_a_ref_is_missed_when_it_is_not_where_it_was(refs, missed, noted):
    assert compare(KNOWN, refs, SHOP) == Comparison(missed, noted)


@pytest.mark.parametrize("told", [B, C], ids=["tag object", "commit"])
def test_an_annotated_tag_that_a_webhook_told_of_is_not_missed(told):
    sight = replace(KNOWN, heads={MAIN: A, V1: told})

    assert compare(sight, {MAIN: A, V1: B, V1 + "^{}": C}, SHOP) == Comparison()


def test_the_first_look_remembers_what_is_there_and_misses_what_moved_since_a_webhook():
    first = Sight("shop", heads={MAIN: A})

    found = compare(first, {MAIN: B, RELEASE: A, V1: A}, SHOP)

    assert found == Comparison((move(MAIN, B, A),), (move(RELEASE, A), move(V1, A)))


def test_the_first_look_starts_branches_when_asked_to_and_never_tags():
    shop = replace(SHOP, repository=replace(REPOSITORY, first_sight=FirstSight.START))

    assert compare(Sight("shop"), {MAIN: A, V1: B}, shop) == Comparison((move(MAIN, A),), (move(V1, B),))


def test_a_branch_that_an_environment_came_to_take_is_no_push():
    before = replace(KNOWN, bound=("refs/heads/main",))

    assert compare(before, {MAIN: A, RELEASE: B}, SHOP) == Comparison((), (move(RELEASE, B),))


def test_a_repository_at_another_address_is_seen_for_the_first_time():
    before = replace(KNOWN, address="https://git.example.com/acme/old.git")

    assert compare(before, {MAIN: B}, SHOP) == Comparison((), (move(MAIN, B, A),))


def test_of_many_tags_at_once_the_highest_goes_to_its_environment():
    missed = tuple(move(f"refs/tags/v1.{number}", A) for number in (9, 10, 2))

    runs, ignored = runs_of(missed, SHOP)

    assert [(run.environment, run.kind, run.ref, run.requested_by) for run in runs] == [
        ("production", "tag", "v1.10", "sweep")
    ]
    assert ignored == ""


def test_each_environment_of_a_missed_branch_gets_its_run():
    runs, _ = runs_of((move(MAIN, B, A),), SHOP)

    assert [(run.environment, run.commit) for run in runs] == [("test", B), ("production", B)]


def test_a_name_that_could_hurt_is_refused_with_its_reason():
    runs, ignored = runs_of((move("refs/heads/release/$(id)", B),), SHOP)

    assert runs == ()
    assert "looks like an option" in ignored
