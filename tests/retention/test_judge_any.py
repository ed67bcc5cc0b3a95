"""Whatever there is: nothing that is needed, used or another's ever goes."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.retention.judge import Basis, judge, ranked
from pipeline.retention.policy import DAY, Retention
from pipeline.retention.thing import Kind, Need, Place, Thing
from tests.retention.test_judge import MADE, MARK, NOW, REDIS, SHOP, days_ago, digest

NUMBERS = st.integers(1, 12)


NAMES = st.sampled_from([f"{SHOP}:run-4", f"{SHOP}:latest", MARK, "other:1", REDIS, ""])


THINGS = st.builds(
    lambda kind, numbers, names, days, run, release, environment, used, mine, other: Thing(
        kind,
        "web-1",
        "x",
        "x",
        size=5,
        at=days_ago(days),
        service="shop",
        environment=environment,
        release=release,
        run=run,
        references=(*(f"{SHOP}@{digest(n)}" for n in numbers), *(name for name in names if name)),
        digests=frozenset(digest(n) for n in numbers),
        used=used,
        mine=mine,
        other=other,
    ),
    st.sampled_from(list(Kind)),
    st.lists(NUMBERS, max_size=3),
    st.lists(NAMES, max_size=3),
    st.floats(0, 400),
    st.integers(0, 12),
    NUMBERS,
    st.sampled_from(["production", "test", "gone", ""]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "", "another"]),
)


NEEDS = st.builds(
    lambda kept, runs, live, works: Need(
        {f"{SHOP}@{digest(n)}": f"release {n} is kept" for n in kept},
        frozenset(runs),
        {("shop", "production"): Place(live, live, works), ("shop", "test"): Place()},
        {SHOP: "shop"},
    ),
    st.sets(NUMBERS),
    st.sets(st.integers(1, 12)),
    NUMBERS,
    st.integers(0, 1),
)


@given(st.lists(THINGS, max_size=12), NEEDS, st.integers(1, 4), st.floats(0.1, 200))
def test_nothing_that_is_needed_used_or_anothers_ever_goes(
    things: list[Thing], need: Need, releases: int, age: float
) -> None:
    basis = Basis(Retention(releases, age * DAY, age * DAY), NOW, need, MADE)

    for found in judge(things, ranked(basis, things)):
        thing = found.thing
        if not found.goes or thing.kind in (Kind.CACHE, Kind.MIRROR):
            continue
        assert not thing.other
        assert not thing.digests & need.digests.keys() or thing.kind in (
            Kind.CONTAINER,
            Kind.TREE,
            Kind.LOG,
            Kind.ARTIFACT,
        )
        assert thing.run not in need.runs
        assert not thing.used or thing.kind in (Kind.TREE, Kind.LOG, Kind.ARTIFACT, Kind.MANIFEST)
        place = need.places.get((thing.service, thing.environment), Place())
        assert thing.kind is not Kind.CONTAINER or thing.run or thing.release != place.live
        assert set(found.references) <= set(thing.references)
