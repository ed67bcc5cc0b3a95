"""Port `Dns`: what its contract says, over every provider. Seeded faults in the adapters show that it would notice."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.entrances.plan import Verb, guard
from pipeline.errors import Conflict, Rejected, Unreachable
from pipeline.secret import Secret
from runners.dns import account_of
from tests.parts.dns.grounds import MAKERS, NAME, REGIONS, Ground
from tests.parts.dns.mutants import MUTANTS
from tests.parts.dns.names import name_server, resolve

AS_WANTED = {"hz": 0.6, "sg": 0.3, "fra": 0.1}
WITHOUT_HZ = {"hz": 0.0, "sg": 0.75, "fra": 0.25}


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with MAKERS[request.param]() as made:
        yield made


over_all = pytest.mark.parametrize("ground", MAKERS, indirect=True)
over_marked = pytest.mark.parametrize("ground", ["route53", "alidns", "dnspod"], indirect=True)


@over_all
def test_every_region_is_answered_by_its_share(ground: Ground):
    made = ground.applied()

    assert [step.verb for step in made.steps] == [Verb.CREATE] * 3
    assert ground.answered() == AS_WANTED
    assert ground.zone.plan(ground.endpoints()).steps == ()


def parking_leaves_no_answer(ground: Ground) -> None:
    ground.applied()
    ground.applied(hz=0)

    assert ground.answered() == WITHOUT_HZ


@over_all
def test_a_share_of_0_is_no_answer(ground: Ground):
    parking_leaves_no_answer(ground)


@over_all
def test_a_parked_region_comes_back_with_its_share(ground: Ground):
    ground.applied()
    ground.applied(hz=0)
    ground.applied()

    assert ground.answered() == AS_WANTED


@over_all
def test_what_is_so_already_costs_no_change(ground: Ground):
    ground.applied()
    ground.applied(hz=0)
    ground.watched.told.clear()
    ground.applied(hz=0)

    assert ground.watched.told == []


@over_all
def test_shares_change(ground: Ground):
    ground.applied()
    ground.applied(hz=10, sg=80, fra=10)

    assert ground.answered() == {"hz": 0.1, "sg": 0.8, "fra": 0.1}


@over_all
def test_a_region_that_never_served_and_is_parked_needs_no_record(ground: Ground):
    made = ground.applied(hz=0)

    assert sorted(step.region for step in made.steps) == ["fra", "sg"]
    assert ground.answered() == WITHOUT_HZ


@over_all
def test_only_the_regions_that_are_meant_are_changed(ground: Ground):
    ground.applied()
    made = ground.zone.plan(ground.endpoints(hz=0, sg=99), only=frozenset({"hz"}))
    ground.zone.apply(made)

    assert [str(step.verb) for step in made.steps] == ["park"]
    assert ground.answered() == WITHOUT_HZ


@over_marked
def test_a_region_that_left_the_file_loses_its_record(ground: Ground):
    ground.applied()
    made = ground.applied(endpoints=ground.endpoints()[:2])

    assert [(step.verb, step.region) for step in made.steps] == [(Verb.REMOVE, "fra")]
    assert ground.answered() == {"hz": 0.6667, "sg": 0.3333, "fra": 0.0}


@over_marked
def test_another_ttl_is_brought_to_parked_siblings_too(ground: Ground):
    ground.applied()
    ground.applied(hz=0)
    edited = replace(ground, entrance=replace(ground.entrance, ttl=30))
    edited.applied(hz=0)
    edited.applied()

    assert edited.answered() == AS_WANTED
    assert {record.ttl for record in edited.zone.plan(edited.endpoints()).records} == {30}


@over_marked
def test_another_ttl_that_waits_for_apply_holds_up_no_parking(ground: Ground):
    ground.applied()
    edited = replace(ground, entrance=replace(ground.entrance, ttl=30))
    for share in (0, 60):
        edited.zone.apply(edited.zone.plan(edited.endpoints(hz=share), only=frozenset({"hz"})))

    assert edited.answered() == AS_WANTED


@over_all
def test_records_without_our_mark_are_told_and_left_alone(ground: Ground):
    ground.add_other(NAME, "198.51.100.9")
    made = ground.applied()

    assert [record.value for record in made.strangers] == ["198.51.100.9"]
    assert ground.shares_of(NAME)["198.51.100.9"] > 0


@over_all
def test_a_record_at_a_regions_address_is_ours_only_once_adopted(ground: Ground):
    ground.add_other(NAME, REGIONS["hz"])
    made = ground.zone.plan(ground.endpoints())

    with pytest.raises(Conflict, match=r"without our mark.*--adopt"):
        guard(made, force=True)
    adopted = ground.applied(adopt=True)
    assert (Verb.ADOPT, "hz") in [(step.verb, step.region) for step in adopted.steps]
    assert ground.answered() == AS_WANTED
    assert ground.zone.plan(ground.endpoints()).steps == ()


@over_marked
def test_records_of_another_entrance_are_not_ours(ground: Ground):
    ground.applied()
    seen = ground.stranger().zone.plan(ground.endpoints())

    assert [record.value for record in seen.blocking] == list(REGIONS.values())


@over_all
def test_a_change_by_somebody_else_since_the_plan_stops_it(ground: Ground):
    ground.applied()
    made = ground.zone.plan(ground.endpoints(hz=0))
    ground.applied(sg=0)

    with pytest.raises(Conflict, match=r"somebody changed its records since the plan"):
        ground.zone.apply(made)
    assert ground.answered()["hz"] > 0


@over_all
@pytest.mark.parametrize("kind", ["throttled", "broken", "lost"])
def test_a_fault_that_passes_changes_nothing_in_the_end(ground: Ground, kind: str):
    ground.fault(kind)
    ground.applied()
    first = ground.answered()
    ground.fault(kind)
    ground.applied(hz=0)

    assert first == AS_WANTED
    assert ground.answered() == WITHOUT_HZ
    assert set(ground.shares_of(NAME)) <= set(REGIONS.values())


@over_all
def test_a_fault_that_stays_is_told_as_unreachable(ground: Ground):
    made = ground.zone.plan(ground.endpoints())
    for _ in range(40):
        ground.fault("throttled")

    with pytest.raises(Unreachable, match=r"Tried \d+ times in \d+ s\.$"):
        ground.impatient().apply(made)


@over_all
def test_a_wrong_secret_is_refused_with_the_page_that_lists_the_rights(ground: Ground):
    wrong = replace(ground, entrance=replace(ground.entrance, secret_key=Secret("wrong-secret")))

    with pytest.raises(Rejected, match=r"docs/regions\.md"):
        wrong.zone.plan(wrong.endpoints())


@over_all
def test_a_provider_without_keys_says_where_to_put_them(ground: Ground, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)  # the environment is what the SDKs read
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    none = replace(ground, entrance=replace(ground.entrance, access_key="", secret_key=Secret("")))

    with pytest.raises(Exception, match=r"has no credentials\. Give it access_key and secret_key"):
        none.zone.plan(none.endpoints())


@over_all
def test_what_was_applied_settles(ground: Ground):
    ground.applied()

    assert ground.zone.settled(ground.token)


@pytest.mark.parametrize("name", ["route53", "aliyun-cdn"])
def test_a_late_provider_is_not_settled_and_answers_the_old(name: str):
    with MAKERS[name](60.0) as ground:
        ground.applied()

        assert not ground.zone.settled(ground.token)
        assert ground.answered() != AS_WANTED


@over_marked
def test_name_servers_answer_by_the_shares(ground: Ground):
    ground.applied()
    with name_server(ground.shares_of) as server:
        before = Counter(resolve(server.port, NAME) for _ in range(400))
        ground.applied(hz=0)
        after = Counter(resolve(server.port, NAME) for _ in range(400))

    assert 200 < before[REGIONS["hz"]] < 280
    assert 80 < before[REGIONS["sg"]] < 160
    assert after[REGIONS["hz"]] == 0
    assert after[REGIONS["sg"]] + after[REGIONS["fra"]] == 400


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_way_to_park_is_caught(mutant: str):
    name, kind = MUTANTS[mutant]
    with MAKERS[name]() as ground:
        sick = replace(ground, build=lambda entrance: kind(entrance, account_of(entrance)))

        with pytest.raises((AssertionError, Unreachable, Conflict)):
            parking_leaves_no_answer(sick)
