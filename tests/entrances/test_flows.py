"""Apply, park and watch: what reaches the provider, and what survives the death of whoever began it."""

import pytest

from pipeline.entrances.apply import apply
from pipeline.entrances.park import park, unpark
from pipeline.errors import Conflict, NotFound, Unreachable
from pipeline.lease import entrance_key
from tests.entrances.conftest import SHOP

AS_WANTED = {"hz": 60, "sg": 40}


@pytest.fixture
def applied(stage):
    apply(SHOP, "mia", False, False, stage.ports)
    return stage


def test_apply_makes_the_provider_answer_as_the_file_says(applied):
    assert applied.shares == AS_WANTED
    assert [one.by for one in applied.ports.entrances.changes("shop")] == ["mia"]


def test_apply_without_a_difference_writes_nothing_down(applied):
    apply(SHOP, "mia", False, False, applied.ports)

    assert len(applied.ports.entrances.changes("shop")) == 1


def test_a_sick_region_goes_out_and_comes_back_and_people_are_told(applied):
    applied.outside.sick = {"hz"}
    applied.look(3)
    out = applied.shares
    applied.outside.sick = set()
    applied.look(5)

    assert out == {"hz": 0, "sg": 40}
    assert applied.shares == AS_WANTED
    assert applied.told == [("region.out", "shop/hz"), ("region.back", "shop/hz")]


def test_all_sick_changes_nothing_and_is_told(applied):
    applied.outside.sick = {"hz", "sg"}
    applied.look(6)

    assert applied.shares == AS_WANTED
    assert ("regions.blind", "shop") in applied.told


def test_a_parked_region_stays_out_though_it_is_well(applied):
    park("hz", "", "mia", "cables", applied.ports)
    applied.look(10)

    assert applied.shares == {"hz": 0, "sg": 40}
    standing = applied.ports.entrances.standings("shop")["hz"]
    assert (standing.parked, standing.parked_by, standing.reason) == (True, "mia", "cables")


def test_unpark_gives_the_share_back(applied):
    park("hz", "shop", "mia", "", applied.ports)
    unpark("hz", "shop", "mia", applied.ports)

    assert applied.shares == AS_WANTED


def test_unpark_leaves_out_whom_their_health_keeps_out(applied):
    applied.outside.sick = {"hz"}
    applied.look(3)
    park("hz", "", "mia", "", applied.ports)
    unpark("hz", "", "mia", applied.ports)

    assert applied.shares == {"hz": 0, "sg": 40}


def test_the_last_region_cannot_be_parked(applied):
    park("hz", "", "mia", "", applied.ports)

    with pytest.raises(Conflict, match="the last region is never taken out"):
        park("sg", "", "mia", "", applied.ports)
    assert not applied.ports.entrances.standings("shop").get("sg", None)


def test_an_unknown_region_is_told_with_those_there_are(applied):
    with pytest.raises(NotFound, match=r"No entrance has a region 'us'; known: hz, sg"):
        park("us", "", "mia", "", applied.ports)


def test_an_edit_of_the_file_waits_for_apply(applied):
    edited = applied.wire.records["sg"]
    applied.wire.records["sg"] = type(edited)(edited.id, edited.value, 11, "", 60, "sg")
    applied.outside.sick = {"hz"}
    applied.look(3)

    assert applied.shares == {"hz": 0, "sg": 11}


def test_what_was_begun_and_not_written_is_finished_by_the_next_look(applied):
    applied.outside.sick = {"hz"}
    applied.look(2)
    real, applied.wire.write = applied.wire.write, _dies
    with pytest.raises(Unreachable):
        applied.look(1)
    begun = applied.ports.entrances.begun("shop")
    applied.wire.write = real
    applied.outside.sick = set()  # also when it looks well again by then: first what was begun
    applied.look()

    assert [one.regions for one in begun] == [("hz",)]
    assert applied.told[0] == ("region.out", "shop/hz")
    assert applied.shares == {"hz": 0, "sg": 40}
    assert applied.ports.entrances.begun("shop") == []
    applied.look(5)
    assert applied.shares == AS_WANTED


def _dies(steps):
    raise Unreachable("The provider does not answer.")


def test_a_park_that_died_before_the_provider_heard_of_it_is_finished(applied):
    real, applied.wire.write = applied.wire.write, _dies
    with pytest.raises(Unreachable):
        park("hz", "", "mia", "", applied.ports)
    applied.wire.write = real
    applied.look()

    assert applied.shares == {"hz": 0, "sg": 40}


def test_a_scheduler_that_starts_anew_goes_on_counting(applied):
    applied.outside.sick = {"hz"}
    applied.look(2)

    assert applied.ports.entrances.standings("shop")["hz"].bad == 2


def test_while_somebody_else_changes_it_a_look_changes_nothing(applied):
    lease = applied.ports.leases.take(entrance_key("shop"), "mia", 60.0)
    applied.outside.sick = {"hz"}
    applied.look(5)

    assert applied.shares == AS_WANTED
    with pytest.raises(Conflict, match="being changed by somebody else"):
        park("hz", "", "tom", "", applied.ports)
    applied.ports.leases.give_back(lease)


def test_a_change_settles_when_the_provider_says_so(applied):
    applied.wire.late = True
    park("hz", "", "mia", "", applied.ports)
    applied.settle()
    before = applied.ports.entrances.changes("shop")[0].settled_at
    applied.wire.late = False
    applied.settle()

    assert before is None
    assert applied.ports.entrances.changes("shop")[0].settled_at is not None
