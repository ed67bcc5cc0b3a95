"""Environments, deployments and the note of a merge request on the forge."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.delivery.run import StageName, StageStatus
from pipeline.rollout.deployment import Reason, Status
from tests.contracts.samples import deployment, release, settle
from tests.forge.gitlab import Outage
from tests.reports.conftest import House, good

LATER = datetime(2999, 1, 1, tzinfo=UTC)


def test_a_deployment_is_in_the_environments_list(house: House):
    run, lease = house.run()
    number = house.deployed(run, lease)
    settle(house.store, number, Status.ROLLING)
    house.tell()
    during = house.project.deployed()

    settle(house.store, number)
    house.tell()

    assert during == [("production", house.commit, "running")]
    assert house.project.deployed() == [("production", house.commit, "success")]
    assert house.project.environments[0]["external_url"] == "http://shop.example.com"


def test_one_that_was_taken_back_is_failed_and_the_old_commit_is_live_again(house: House):
    old = replace(release(commit=house.commit), number=1)
    house.commit = house.project.commit("Worse", parent=house.commit)
    run, lease = house.run()
    number = house.deployed(run, lease, previous=old)

    settle(house.store, number, Status.ROLLED_BACK, error="web-1: health 503")
    house.tell()

    assert house.project.deployed() == [
        ("production", house.commit, "failed"),
        ("production", old.commit, "success"),
    ]
    assert house.shown()["shipway/deploy"] == "failed"
    text = next(r["description"] for r in house.project.statuses if r["name"] == "shipway/deploy")
    assert text == "Rolled back to release 1: web-1: health 503"


def test_a_rollback_by_hand_is_an_entry_of_the_older_commit(house: House):
    old = replace(release(commit=house.commit), number=1)
    good(house)
    stored = house.store.releases.add(old)
    number = house.store.deployments.create(deployment(stored, reason=Reason.ROLLBACK))

    settle(house.store, number)
    house.tell()

    assert house.project.deployed()[-1] == ("production", old.commit, "success")


def test_one_that_was_superseded_before_it_began_is_no_entry(house: House):
    run, lease = house.run()
    number = house.deployed(run, lease)

    settle(house.store, number, Status.SUPERSEDED)
    house.tell()

    assert house.project.deployed() == []
    assert house.shown()["shipway/deploy"] == "canceled"


@pytest.mark.parametrize("lost", ["/statuses/", "/deployments", "/notes"])
def test_what_was_taken_while_the_answer_was_lost_is_not_there_twice(house: House, lost: str):
    house.project.open_request("main", house.commit, "release")
    run, lease = house.run()
    settle(house.store, house.deployed(run, lease), Status.ROLLING)
    house.gitlab.outage = Outage(502, lost, late=True)
    house.tell()
    house.clock.sleep(10)

    house.gitlab.outage = Outage()
    house.tell()

    assert house.project.deployed() == [("production", house.commit, "running")]
    assert len(house.project.statuses) == 5
    assert len(house.project.notes) == 1


def test_a_pending_deployment_that_never_began_is_no_entry(house: House):
    run, lease = house.run()
    house.deployed(run, lease)

    house.tell()

    assert house.project.deployed() == []


def test_a_merge_request_has_one_note_that_is_edited(house: House):
    house.project.open_request("feature", house.commit)
    run, lease = house.run(ref="feature")
    house.tell()
    house.store.runs.finish(run, "failed", "", lease)
    house.tell()
    again = house.store.runs.retry(run, "mia")
    house.store.runs.finish(again.id, "cancelled", "", None)
    house.tell()

    (note,) = house.project.notes
    assert note["edits"] >= 2
    assert "<!-- shipway:shop/production -->" in note["body"]
    assert f"run {again.id}" in note["body"]


def test_stages_in_between_are_no_edits(house: House):
    house.project.open_request("feature", house.commit)
    run, lease = house.run(ref="feature")
    for name in (StageName.CHECKOUT, StageName.BUILD, StageName.TEST):
        house.stage(run, lease, name, StageStatus.RUNNING)
        house.tell()

    assert [note["edits"] for note in house.project.notes] == [0]


def test_the_note_is_found_behind_many_others(house: House):
    request = house.project.open_request("feature", house.commit)
    run, lease = house.run(ref="feature")
    house.tell()
    own = house.project.notes.pop()
    house.project.notes += [{**own, "id": 1000 + n, "body": "Looks good"} for n in range(45)] + [own]

    house.store.runs.finish(run, "failed", "", lease)
    house.tell()

    assert len([note for note in house.project.notes if note["noteable_iid"] == request["iid"]]) == 46


def test_what_a_build_says_calls_nobody_in_the_note(house: House):
    house.project.open_request("feature", house.commit)
    run, lease = house.run(ref="feature")
    house.stage(run, lease, StageName.TEST, StageStatus.FAILED, error="@everyone <script>| x")
    house.store.runs.finish(run, "failed", "", lease)

    house.tell()

    body = house.project.notes[0]["body"]
    assert "@everyone" not in body
    assert "<script>" not in body
    assert "\\| x" in body
