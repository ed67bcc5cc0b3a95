"""What is changed at a provider, and what never is."""

import pytest

from pipeline.entrances.entrance import Endpoint, Entrance, HealthRule, Provider, Record, Region, Standing
from pipeline.entrances.plan import Verb, endpoints_of, guard, lines, plan
from pipeline.errors import Conflict

REGIONS = {name: Region(name, f"203.0.113.{at}", 25) for at, name in enumerate(("a", "b", "c", "d"), 1)}
SHOP = Entrance("shop", "shop.example.com", Provider.ALIDNS, REGIONS, HealthRule("https://shop.example.com"))


def endpoint(name: str, share: int = 25, line: str = "") -> Endpoint:
    return Endpoint(name, REGIONS[name].address, share, line)


def record(name: str, share: int = 25, line: str = "", ttl: int = 60) -> Record:
    return Record(f"r-{name}", REGIONS[name].address, share, line, ttl, name)


def other(value: str) -> Record:
    return Record("r-other", value, 10)


ALL = [record(name) for name in REGIONS]
SAME = [endpoint(name) for name in REGIONS]


def verbs(made):
    return [(step.verb, step.region) for step in made.steps]


def test_what_is_as_it_should_be_needs_nothing():
    assert plan(SHOP, SAME, ALL).steps == ()


@pytest.mark.parametrize(
    ("wanted", "has", "verb"),
    [
        (endpoint("a"), None, Verb.CREATE),
        (endpoint("a", 0), None, None),
        (endpoint("a", 0), record("a"), Verb.PARK),
        (endpoint("a", 0), record("a", 0), None),
        (endpoint("a", 5), record("a", 0), Verb.ADMIT),
        (endpoint("a", 5), record("a"), Verb.CHANGE),
        (endpoint("a"), record("a", ttl=600), Verb.CHANGE),
        (endpoint("a", line="telecom"), record("a"), Verb.CHANGE),
        (endpoint("a"), record("a", ttl=0), None),
    ],
)
def test_each_difference_has_its_step(wanted, has, verb):
    made = plan(SHOP, [wanted, endpoint("b")], [record("b"), *([has] if has else [])])

    assert verbs(made) == ([(verb, "a")] if verb else [])


def test_what_brings_answers_comes_before_what_takes_them():
    wanted = [endpoint("a", 0), endpoint("b"), endpoint("c"), endpoint("d", 9)]
    made = plan(
        SHOP, wanted, [record("a"), record("b", 0), record("d"), Record("r-x", "203.0.113.9", 1, "", 60, "x")]
    )

    assert verbs(made) == [
        (Verb.CREATE, "c"),
        (Verb.ADMIT, "b"),
        (Verb.CHANGE, "d"),
        (Verb.PARK, "a"),
        (Verb.REMOVE, "x"),
    ]


def test_a_strangers_record_at_our_address_blocks_until_it_is_adopted():
    strange = other(REGIONS["a"].address)

    assert plan(SHOP, SAME, [strange, *ALL[1:]]).blocking == (strange,)
    assert verbs(plan(SHOP, SAME, [strange, *ALL[1:]], adopt=True)) == [(Verb.ADOPT, "a")]


def test_any_other_strangers_record_is_told_and_left_alone():
    made = plan(SHOP, SAME, [other("198.51.100.9"), *ALL], adopt=True)

    assert made.steps == ()
    assert list(lines(made)) == ["not ours: A 198.51.100.9, share 10, is answered too, and left alone"]


def test_only_the_regions_that_are_meant_are_stepped_on():
    wanted = [endpoint("a", 0), endpoint("b", 1)]

    assert verbs(plan(SHOP, wanted, ALL, only=frozenset({"a"}))) == [(Verb.PARK, "a")]


def test_regions_that_are_out_or_parked_get_no_share():
    standings = {"a": Standing("a", out=True), "b": Standing("b", parked=True)}

    assert [one.share for one in endpoints_of(SHOP, standings)] == [0, 0, 25, 25]


# ------------------------------------------------------------------------------------------------ the guard


def test_more_than_three_in_ten_records_need_force():
    made = plan(SHOP, [endpoint(name, 7) for name in REGIONS], ALL)

    with pytest.raises(Conflict, match=r"4 of 4 records at once \(a, b, c, d\), and 1 is the most.*--force"):
        guard(made, force=False)
    guard(made, force=True)


def test_of_few_records_one_may_always_change():
    two = [endpoint("a", 0), endpoint("b")]

    guard(plan(SHOP, two, [record("a"), record("b")]), force=False)


@pytest.mark.parametrize("force", [False, True])
def test_the_last_region_is_never_taken_out(force):
    made = plan(SHOP, [endpoint("a", 0), endpoint("b", 0)], [record("a"), record("b", 0)])

    with pytest.raises(Conflict, match="the last region is never taken out"):
        guard(made, force)


def test_a_region_of_the_file_that_has_no_record_is_no_region_to_rely_on():
    made = plan(SHOP, [endpoint("a", 0), endpoint("b")], [record("a")], only=frozenset({"a"}))

    with pytest.raises(Conflict, match="the last region"):
        guard(made, force=True)


def test_a_line_may_lose_its_own_region_but_everybody_not_theirs():
    records = [record("a"), record("b", line="telecom")]

    guard(plan(SHOP, [endpoint("a"), endpoint("b", 0, "telecom")], records), force=False)
    with pytest.raises(Conflict, match="the last region"):
        guard(plan(SHOP, [endpoint("a", 0), endpoint("b", 25, "telecom")], records), force=True)


def test_creating_all_of_a_new_entrance_needs_no_force():
    guard(plan(SHOP, SAME, []), force=False)
