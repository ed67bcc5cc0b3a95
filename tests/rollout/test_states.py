"""The one table of a deployment's states."""

import pytest

from pipeline.errors import Conflict
from pipeline.rollout.deployment import ACTIVE, FINAL, Status
from pipeline.rollout.states import TRANSITIONS, Event, mermaid, move


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_every_working_status_knows_what_to_do_after_a_failure(status):
    assert (status, Event.FAILED) in TRANSITIONS


@pytest.mark.parametrize("status", sorted(ACTIVE | {Status.PENDING}))
def test_every_open_status_can_be_aborted(status):
    assert {(status, Event.ABORTED), (status, Event.CANCELLED)} & set(TRANSITIONS)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_final_status_never_changes(status):
    assert not [event for before, event in TRANSITIONS if before is status]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING}))
def test_every_status_can_be_reached(status):
    assert status in TRANSITIONS.values()


def test_rollback_is_never_rolled_back():
    assert move(Status.ROLLING_BACK, Event.FAILED) is Status.ROLLING_BACK


def test_move_that_is_not_in_the_table_is_refused():
    with pytest.raises(Conflict, match="succeeded cannot be paused"):
        move(Status.SUCCEEDED, Event.PAUSED)


def test_picture_shows_every_transition():
    picture = mermaid()

    assert picture.startswith("stateDiagram-v2\n    [*] --> pending\n")
    assert "    preparing --> failed: failed\n" in picture
    assert picture.count(" --> ") == len(TRANSITIONS) + len(FINAL) + 1
