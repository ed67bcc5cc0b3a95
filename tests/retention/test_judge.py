"""What goes and what stays, by tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.retention.judge import Basis, judge, ranked
from pipeline.retention.policy import Retention
from pipeline.retention.thing import Kind, Made, Need, Place, Thing, Verdict

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SHOP = "r:5000/acme/shop"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


MADE = {digest(n): Made("shop", n, 10 - n, days_ago(200 - 10 * n)) for n in range(1, 11)}
NEED = Need(
    images={
        f"{SHOP}@{digest(10)}": "live on production",
        f"{SHOP}@{digest(9)}": "among the 5 that production keeps",
    },
    runs=frozenset({77}),
    places={("shop", "production"): Place(10, 10), ("shop", "test"): Place(9, 9, works=31)},
    repositories={SHOP: "shop"},
)
BASIS = Basis(Retention(), NOW, NEED, MADE)


def verdict(thing: Thing, basis: Basis = BASIS) -> Verdict | None:
    found = judge([thing], ranked(basis, [thing]))
    return found[0] if found else None


def image(number: int, *names: str, **more: object) -> Thing:
    """Release `number` of shop on a host; `names` beside its own."""
    own = () if names and names[0] == "" else (f"{SHOP}@{digest(number)}",)
    thing = Thing(
        Kind.IMAGE,
        "web-1",
        f"id{number}",
        f"shop {number}",
        size=100,
        references=(*own, *(name for name in names if name)),
        digests=frozenset({digest(number)}),
    )
    return replace(thing, **more)  # type: ignore[arg-type]


MARK = f"shipway.local/abc/pulled:{99:064x}"
REDIS = f"redis@{digest(99)}"


@pytest.mark.parametrize(
    ("thing", "goes", "why"),
    [
        (image(10), False, "release 10 of shop: live on production"),
        (image(9), False, "among the 5 that production keeps"),
        (image(3), True, "no environment keeps release 3 of shop"),
        (image(3, used=True), False, "a container uses it"),
        (image(3, run=77), False, "run 77 works with it"),
        (image(55), True, "no release needs it"),
        (image(10, "", f"elsewhere/shop@{digest(10)}", MARK, mine=True), False, "live on production"),
        (image(99, "", REDIS, MARK, mine=True), True, "no release needs it"),
        (image(99, "", REDIS, MARK, "redis:7", mine=True), False, "somebody named it redis:7 as well"),
        (image(99, "", service="shop"), True, "it lost its name"),
    ],
)
def test_an_image_on_a_host_goes_when_nobody_needs_it(thing: Thing, goes: bool, why: str) -> None:
    found = verdict(thing)

    assert found
    assert (found.goes, why in found.why) == (goes, True), found


@pytest.mark.parametrize(
    "thing",
    [
        image(99, "", REDIS),
        image(99, "", "redis:7", REDIS),
        image(3, other="another-shipway"),
        image(99, "", service="blog"),
        image(99, ""),
    ],
    ids=["no mark", "somebody's tag", "of another installation", "of a service that is not ours", "nobody's"],
)
def test_what_is_not_ours_is_not_judged(thing: Thing) -> None:
    assert verdict(thing) is None


def test_names_that_others_gave_to_our_image_stay() -> None:
    found = verdict(image(3, f"{SHOP}:run-3", "golden:1"))

    assert found
    assert found.references == (f"{SHOP}@{digest(3)}", f"{SHOP}:run-3")


def test_a_mark_and_the_pulled_name_go_together() -> None:
    found = verdict(image(99, "", REDIS, MARK, mine=True))

    assert found
    assert set(found.references) == {REDIS, MARK}


def build(run: int, *names: str, **more: object) -> Thing:
    references = names or (f"{SHOP}:run-{run}",)
    thing = Thing(Kind.BUILD, "builder", f"id{run}", f"run {run}", 100, service="shop", run=run)
    return replace(thing, references=tuple(n for n in references if n), **more)  # type: ignore[arg-type]


def test_the_newest_builds_stay_as_a_cache() -> None:
    things = [build(run) for run in (3, 9, 12, 4, 40, 7, 1)]

    gone = [v.thing.run for v in judge(things, ranked(BASIS, things)) if v.goes]

    assert gone == [3, 1]


def test_builds_of_a_lost_database_go_and_push_none_of_ours_out() -> None:
    basis = replace(BASIS, need=replace(NEED, last_run=12))
    things = [build(run) for run in (3, 9, 12, 901, 902, 903, 904, 905)]

    found = judge(things, ranked(basis, things))

    assert [v.thing.run for v in found if v.goes] == [901, 902, 903, 904, 905]
    assert found[3].why == "our books have no run 901: of an older database"


@pytest.mark.parametrize(
    ("thing", "goes", "why"),
    [
        (build(5, ""), True, "without a name"),
        (build(77, ""), False, "run 77 works with it"),
        (build(5, f"{SHOP}:run-5-test"), True, "only made for the tests of run 5"),
        (build(77, f"{SHOP}:run-77-test"), False, "run 77 works with it"),
        (build(5, "", used=True), False, "a container uses it"),
        (build(5, "", digests=frozenset({digest(10)})), False, "live on production"),
    ],
)
def test_leftovers_of_ended_runs_go_from_the_builder(thing: Thing, goes: bool, why: str) -> None:
    found = verdict(thing)

    assert found
    assert (found.goes, why in found.why) == (goes, True), found


def manifest(number: int, *tags: str) -> Thing:
    names = tuple(f"{SHOP}:{tag}" for tag in tags or (f"run-{number}",))
    digests = frozenset({digest(number)})
    return Thing(
        Kind.MANIFEST, "r:5000", f"{SHOP}@{digest(number)}", "", 100, references=names, digests=digests
    )


@pytest.mark.parametrize(
    ("thing", "goes", "why"),
    [
        (manifest(10), False, "live on production"),
        (manifest(6), False, "among the newest 5"),
        (manifest(1), True, "release 1 is 190 days old, and there are 9 newer ones"),
        (manifest(1, "run-1", "latest"), False, "latest as well"),
        (manifest(1, "run-1", "run-4"), True, "release 1"),
        (manifest(44), False, "no release in our books has it"),
    ],
)
def test_a_manifest_goes_when_it_is_old_and_many_came_after_it(thing: Thing, goes: bool, why: str) -> None:
    found = verdict(thing)

    assert found
    assert (found.goes, why in found.why) == (goes, True), found


def test_a_young_manifest_stays_however_many_came_after_it() -> None:
    young = replace(BASIS, made={digest(1): Made("shop", 1, 100, days_ago(89))})

    found = verdict(manifest(1), young)

    assert found
    assert not found.goes
    assert found.why == "release 1 is younger than 90 days"


def test_the_registry_is_left_alone_when_the_operator_says_so() -> None:
    found = verdict(manifest(1), replace(BASIS, policy=Retention(registry_delete=False)))

    assert found
    assert not found.goes


def container(release: int, environment: str = "production", **more: object) -> Thing:
    thing = Thing(Kind.CONTAINER, "web-1", f"c{release}", f"shop-r{release}", service="shop")
    return replace(thing, environment=environment, release=release, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("thing", "goes", "why"),
    [
        (container(3), True, "dead, and no deployment owns release 3"),
        (container(3, used=True), False, "it runs. Deploy to shop/production"),
        (container(10, used=True), False, "it runs; release 10 is live"),
        (container(10), False, "dead, but release 10 is live"),
        (container(3, "test"), False, "deployment 31 works there"),
        (container(3, "gone"), True, "no deployment owns release 3"),
        (container(3, "gone", used=True), False, "it runs"),
        (container(3, service="sold", mine=True), True, "no deployment owns release 3"),
        (container(0, "", run=12), True, "dead, and run 12 is over"),
        (container(0, "", run=77), False, "run 77 works with it"),
    ],
)
def test_only_dead_containers_that_no_deployment_owns_go(thing: Thing, goes: bool, why: str) -> None:
    found = verdict(thing)

    assert found
    assert (found.goes, why in found.why) == (goes, True), found


@pytest.mark.parametrize(
    "thing",
    [container(3, other="x"), container(3, service="sold")],
    ids=["another's mark", "no mark, and no such service"],
)
def test_a_container_of_somebody_else_is_not_judged(thing: Thing) -> None:
    assert verdict(thing) is None


def own(kind: Kind, days: float, **more: object) -> Thing:
    thing = Thing(kind, "data", "x", "x", 10, days_ago(days))
    return replace(thing, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("thing", "goes"),
    [
        (own(Kind.TREE, 1, run=5), True),
        (own(Kind.TREE, 0.01, run=5), False),
        (own(Kind.TREE, 9, run=77), False),
        (own(Kind.MIRROR, 300, used=True), False),
        (own(Kind.MIRROR, 6), False),
        (own(Kind.MIRROR, 8), True),
        (own(Kind.LOG, 89, run=5), False),
        (own(Kind.LOG, 91, run=5), True),
        (own(Kind.LOG, 91, run=77), False),
        (own(Kind.ARTIFACT, 89, run=5), False),
        (own(Kind.ARTIFACT, 91, run=5), True),
    ],
)
def test_our_own_folder_is_tidied_by_age_and_by_run(thing: Thing, goes: bool) -> None:
    found = verdict(thing)

    assert found
    assert found.goes is goes, found


def test_what_has_no_known_age_counts_as_new() -> None:
    found = verdict(replace(own(Kind.LOG, 0, run=5), at=None))

    assert found
    assert not found.goes


@pytest.mark.parametrize(("size", "limit", "frees"), [(30, 20, 10), (20, 20, 0), (30, 0, 0)])
def test_the_build_cache_goes_down_to_its_limit(size: int, limit: int, frees: int) -> None:
    found = verdict(Thing(Kind.CACHE, "builder", "", "", size), replace(BASIS, policy=Retention(cache=limit)))

    assert found
    assert (found.goes, found.frees) == (frees > 0, frees)
