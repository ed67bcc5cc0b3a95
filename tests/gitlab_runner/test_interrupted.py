"""An apply that dies, loses an answer, meets another one or is asked to end: the next one goes on, with no double."""

from dataclasses import replace

import pytest

from pipeline.errors import Conflict, Stopped
from pipeline.gitlab_runner.apply import apply
from tests.forge.gitlab import Outage
from tests.gitlab_runner.fleets import (
    ONE,
    WEB_1,
    Countdown,
    Ground,
    Killed,
    applied,
    dying,
    fleet_of,
    settled,
)


def test_an_answer_that_was_lost_is_looked_up_and_makes_no_second_runner(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab, hosts=(WEB_1,)))
    ground.gitlab.outage = Outage(502, only="/user/runners", times=1, late=True)
    first = applied(ground, desk)

    applied(ground, desk)

    assert "answered 502" in first.errors[0]
    assert len(ground.gitlab.runners.rows) == 1
    assert settled(ground, desk)


def test_two_at_once_are_refused(ground: Ground):
    desk = ground.desk(fleet_of(ground.gitlab))

    with desk.hold(0.0), pytest.raises(Conflict, match="Another apply of the GitLab runners is under way"):
        apply(desk, ground.said.append, patience=0.0)


STORIES = {
    "made": lambda ground, fleet: (fleet,),
    "changed": lambda ground, fleet: (replace(fleet, concurrent=3),),
    "gone": lambda ground, fleet: (),
    "revoked": lambda ground, fleet: (
        [ground.gitlab.runners.revoke(n) for n in ground.gitlab.runners.rows] and (fleet,)
    ),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
def test_a_death_at_any_call_is_repaired_with_no_double(ground: Ground, story: str, after: bool):
    at, over = 0, False
    while not over:
        at += 1
        fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
        if story != "made":
            applied(ground, ground.desk(fleet))
        desk = ground.desk(*STORIES[story](ground, fleet))
        counter = Countdown(at, after)
        try:
            apply(dying(desk, counter), ground.said.append)
            over = True
        except Killed:
            pass

        assert applied(ground, desk).errors == ()
        assert settled(ground, desk), (story, at, after)
        assert applied(ground, ground.desk()).errors == ()
    assert at > 5


def test_who_is_asked_to_end_does_not_wait_for_jobs_and_the_next_one_goes_on(ground: Ground):
    fleet = fleet_of(ground.gitlab, hosts=(WEB_1,))
    applied(ground, ground.desk(fleet))
    ground.hosts.busy.add(ONE)
    ground.unwanted = lambda: bool(ground.hosts.drained)
    desk = ground.desk(replace(fleet, concurrent=2))

    with pytest.raises(Stopped, match="Stopped as asked"):
        applied(ground, desk)
    until = ground.store.gitlab_runners.records()[ONE].drain_by
    ground.unwanted = bool
    ground.hosts.busy.clear()
    desk = ground.desk(replace(fleet, concurrent=2))
    applied(ground, desk)

    assert until is not None
    assert ground.hosts.cut == []
    assert settled(ground, desk)
