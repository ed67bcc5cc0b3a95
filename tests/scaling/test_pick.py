"""Who goes when a group shrinks."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.scaling.group import Member
from pipeline.scaling.pick import pick
from tests.scaling.ground import NOON

OLD = NOON - timedelta(days=1)
MEMBERS = st.builds(
    Member,
    name=st.uuids().map(str),
    since=st.one_of(st.none(), st.just(OLD), st.just(NOON)),
    ready=st.booleans(),
    protected=st.booleans(),
    busy=st.sampled_from([0.0, 1.0, 5.0]),
)


def test_sick_ones_go_first_then_the_least_busy_then_the_newest():
    members = [
        Member("busy", OLD, busy=5.0),
        Member("idle-old", OLD),
        Member("idle-new", NOON),
        Member("sick", OLD, ready=False, busy=9.0),
    ]

    assert pick(members, 4) == ("sick", "idle-new", "idle-old", "busy")
    assert pick(members, 1) == ("sick",)


def test_a_protected_one_never_goes():
    members = [Member("sick", OLD, ready=False, protected=True), Member("busy", OLD, busy=5.0)]

    assert pick(members, 2) == ("busy",)


@given(st.lists(MEMBERS, unique_by=lambda one: one.name), st.integers(-1, 20))
def test_never_more_than_asked_never_twice_and_no_better_one_stays(members, count):
    gone = pick(members, count)
    named = {one.name: one for one in members}
    free = [one for one in members if not one.protected]

    assert len(gone) == len(set(gone)) == min(max(0, count), len(free))
    left = [one for one in free if one.name not in gone]
    assert all(not named[name].protected for name in gone)
    assert all(not (named[name].ready and not one.ready) for name in gone for one in left)
