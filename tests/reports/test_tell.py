"""What changes in the books is on the forge, whatever the forge does in between."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.delivery.run import StageName, StageStatus
from pipeline.fleet.service import Repository
from pipeline.reports.tell import ACTIVE, ASLEEP
from pipeline.rollout.deployment import Reason, Status
from tests.contracts.samples import deployment, new_run, release, settle
from tests.forge.gitlab import Outage
from tests.reports.conftest import House, desk_of, settings_of

LATER = datetime(2999, 1, 1, tzinfo=UTC)
STAGES = ("checkout", "build", "test", "publish", "deploy")


def states(**changes: str) -> dict[str, str]:
    return {f"shipway/{name}": changes.get(name, "pending") for name in STAGES}


def good(house: House) -> tuple[int, int]:
    run, lease = house.run()
    number = house.deployed(run, lease)
    settle(house.store, number)
    return run, number


def test_a_run_has_all_its_stages_pending_from_its_first_moment(house: House):
    house.run()

    house.tell()

    assert house.shown() == states()


def test_each_stage_is_told_as_it_goes(house: House):
    run, lease = house.run()
    house.tell()
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.SUCCEEDED)
    house.stage(run, lease, StageName.BUILD, StageStatus.RUNNING)

    house.tell()

    assert house.shown() == states(checkout="success", build="running")


def test_what_the_forge_has_is_not_sent_again(house: House):
    run, lease = house.run()
    house.tell()
    before = len(house.gitlab.asked)
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)

    house.tell()

    sent = [asked.body.get("name") for asked in house.gitlab.asked[before:] if "statuses" in asked.path]
    assert sent == ["shipway/checkout"]


def test_a_good_run_is_all_green_and_was_never_green_before_its_end(house: House):
    run, lease = house.run()
    for name in list(StageName)[:-1]:
        for status in (StageStatus.RUNNING, StageStatus.SUCCEEDED):
            house.stage(run, lease, name, status)
            house.tell()
    made = release(commit=house.commit)
    number = house.store.runs.hand_over(run, made, deployment(made), lease)
    house.tell()

    settle(house.store, number)
    house.tell()

    assert house.shown() == dict.fromkeys(states(), "success")
    (pipeline,) = house.project.pipelines
    assert [state for state in pipeline["history"] if state == "success"] == ["success"]
    assert pipeline["history"][-1] == "success"


def test_all_statuses_of_a_run_hang_on_its_first_pipeline(house: House):
    run, lease = house.run()
    house.tell()
    newer = {"id": 9, "sha": house.commit, "ref": "main", "source": "push", "history": []}
    house.project.pipelines.append(newer)

    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)
    house.tell()

    assert {row["pipeline_id"] for row in house.project.statuses} == {house.project.pipelines[0]["id"]}


def test_a_failed_stage_says_why_and_what_was_not_reached(house: House):
    run, lease = house.run()
    house.stage(run, lease, StageName.TEST, StageStatus.FAILED, error="3 of 40 tests failed.\nmore below")
    house.store.runs.finish(run, "failed", "3 of 40 tests failed.", lease)

    house.tell()

    rows = {row["name"]: row for row in house.project.statuses}
    assert rows["shipway/test"]["description"] == "3 of 40 tests failed."
    assert rows["shipway/test"]["target_url"] == f"https://shipway.example.com/runs/{run}"
    assert (rows["shipway/deploy"]["status"], rows["shipway/deploy"]["description"]) == (
        "canceled",
        "Not reached",
    )


def test_skipped_tests_are_skipped(house: House):
    run, lease = house.run()
    house.stage(run, lease, StageName.TEST, StageStatus.SKIPPED, detail={"skipped": "No tests here"})

    house.tell()

    assert house.shown()["shipway/test"] == "skipped"


def test_a_retried_run_of_the_same_commit_begins_anew_on_the_forge(house: House):
    run, lease = house.run()
    house.store.runs.finish(run, "failed", "broken", lease)
    house.tell()

    house.store.runs.retry(run, "mia")
    house.tell()

    assert house.shown() == states()


# ------------------------------------------------------------------------------------------------ outages


def test_after_five_minutes_of_503_the_forge_shows_the_end(house: House):
    house.gitlab.outage = Outage(503)
    run, lease = house.run()
    number = house.deployed(run, lease)
    pauses = []
    begun = house.clock.now()
    while (house.clock.now() - begun).total_seconds() < 300:
        pauses.append(house.tell())
        house.clock.sleep(pauses[-1])
    settle(house.store, number)

    house.gitlab.outage = Outage()
    house.clock.sleep(60)
    house.tell()

    assert house.shown() == dict.fromkeys(states(), "success")
    assert len(house.project.statuses) == 5, "older states were not sent"
    assert house.store.outbox.waiting(LATER) == []


def test_a_forge_that_is_away_is_asked_less_and_less_often(house: House):
    house.gitlab.outage = Outage(503)
    house.run()
    begun = house.clock.now()
    while (house.clock.now() - begun).total_seconds() < 300:
        house.clock.sleep(house.tell())

    assert 5 <= len(house.gitlab.asked) <= 15


def test_what_the_forge_took_before_it_went_away_is_not_sent_twice(house: House):
    house.run()
    house.gitlab.outage = Outage(503, only="/statuses/", times=None)
    house.gitlab.outage.times = 1
    house.tell()
    house.clock.sleep(5)

    house.tell()

    good = [asked for asked in house.gitlab.asked if asked.status == 201 and "/statuses/" in asked.path]
    assert len(good) == 5
    assert house.shown() == states()


def test_a_restart_in_the_middle_of_an_outage_loses_nothing(house: House):
    house.gitlab.outage = Outage(503)
    house.run()
    house.tell()
    house.desk = desk_of(house.store, house.desk.settings, house.clock)  # another process

    house.gitlab.outage = Outage()
    house.clock.sleep(60)
    house.tell()

    assert house.shown() == states()


def test_a_conflict_of_two_statuses_is_tried_again(house: House):
    house.run()
    house.gitlab.outage = Outage(409, times=1)
    house.tell()
    house.clock.sleep(5)

    house.tell()

    assert house.shown() == states()


def test_a_rate_limit_is_waited_out_and_not_inside_the_call(house: House):
    house.run()
    house.gitlab.outage = Outage(429)

    house.tell()

    assert len(house.gitlab.asked) == 1
    assert house.store.outbox.waiting(LATER)[0].tries == 1


def test_a_forge_that_does_not_listen_is_told_later(house: House, monkeypatch: pytest.MonkeyPatch):
    settings = settings_of(house.gitlab, "glpat-x")
    shop = settings.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, api="http://127.0.0.1:9"))
    house.desk = desk_of(house.store, replace(settings, services={"shop": shop}), house.clock)
    house.run()

    house.tell()

    assert "does not answer" in house.store.outbox.waiting(LATER)[0].error


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("scopes", "level", "wanted"),
    [
        ("read_api", 40, "scope `api`"),
        ("api", 20, "role Developer"),
    ],
)
def test_a_token_without_the_right_is_given_up_with_a_sentence(
    house: House, scopes: str, level: int, wanted: str, caplog: pytest.LogCaptureFixture
):
    token = house.gitlab.token(scopes, level)
    house.desk = desk_of(house.store, settings_of(house.gitlab, token), house.clock)
    house.run()

    with caplog.at_level(logging.INFO, "shipway"):
        house.tell()

    (trouble,) = house.store.outbox.troubles()
    assert trouble.final
    assert wanted in trouble.error
    assert house.store.outbox.waiting(LATER) == []
    assert len(house.gitlab.asked) == 1
    assert token not in caplog.text + trouble.error
    assert "given up" in caplog.text


def test_a_wrong_token_is_told_as_one(house: House):
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    house.run()

    house.tell()

    assert "wrong, revoked or expired" in house.store.outbox.troubles()[0].error


def test_a_commit_that_is_gone_is_given_up(house: House):
    house.run(commit="d" * 40)

    house.tell()

    assert "the commit is gone" in house.store.outbox.troubles()[0].error


def test_a_repository_whose_forge_cannot_be_found_is_given_up(house: House):
    shop = house.desk.settings.services["shop"]
    local = replace(shop, repository=replace(shop.repository, url="/srv/git/shop.git"))
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services={"shop": local}))
    house.run()

    house.tell()

    assert "`api`" in house.store.outbox.troubles()[0].error


def test_given_up_is_logged_once(house: House, caplog: pytest.LogCaptureFixture):
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    run, lease = house.run()
    house.tell()
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)

    house.tell()

    assert caplog.text.count("given up") == 1


def test_one_that_was_given_up_comes_right_with_the_next_change(house: House):
    wrong = house.desk
    house.desk = desk_of(house.store, settings_of(house.gitlab, "glpat-wrong"), house.clock)
    run, lease = house.run()
    house.tell()
    house.desk = wrong
    house.stage(run, lease, StageName.CHECKOUT, StageStatus.RUNNING)

    house.tell()

    assert house.shown() == states(checkout="running")
    assert house.store.outbox.troubles() == []


@pytest.mark.parametrize("change", [{"reports": False}, {"token": ""}])
def test_a_repository_without_token_or_reports_is_told_nothing(house: House, change: dict[str, object]):
    token = house.gitlab.token() if "token" not in change else ""
    more = {key: value for key, value in change.items() if key != "token"}
    house.desk = desk_of(house.store, settings_of(house.gitlab, token, **more), house.clock)
    house.run()

    house.tell()

    assert house.gitlab.asked == []
    assert house.store.outbox.waiting(LATER) == []


def test_a_service_that_left_the_file_is_told_nothing(house: House):
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services={}))
    house.run()

    house.tell()

    assert house.store.outbox.waiting(LATER) == []


def test_a_secret_in_an_error_does_not_leave(house: House):
    run, lease = house.run()
    token = house.desk.settings.services["shop"].repository.token.reveal()
    house.stage(
        run, lease, StageName.BUILD, StageStatus.FAILED, error=f"curl -H 'PRIVATE-TOKEN: {token}' failed"
    )

    house.tell()

    told = [row["description"] for row in house.project.statuses if row["name"] == "shipway/build"]
    assert told == ["curl -H 'PRIVATE-TOKEN: ***' failed"]


# ------------------------------------------------------------------------------------------------ deployments


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


# ------------------------------------------------------------------------------------------------ merge requests


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


# ------------------------------------------------------------------------------------------------ rest


def test_it_looks_often_while_something_is_under_way_and_sleeps_after(house: House):
    run, lease = house.run()
    busy = house.tell()
    house.store.runs.finish(run, "failed", "", lease)

    idle = house.tell()

    assert (busy, idle) == (ACTIVE, ASLEEP)


def test_it_wakes_up_for_what_has_to_be_tried_again(house: House):
    run, lease = house.run()
    house.store.runs.finish(run, "failed", "", lease)
    house.gitlab.outage = Outage(503)

    assert 1 < house.tell() < 3


def test_while_another_process_tells_this_one_does_not(house: House):
    house.run()
    house.store.leases.take("reports", "another", 60)

    assert house.tell() == ACTIVE
    assert house.gitlab.asked == []


def test_a_backlog_of_a_forge_that_is_away_is_not_read_again_and_again(house: House):
    house.gitlab.outage = Outage(503)
    for number in range(20):
        house.store.runs.add(new_run(commit=house.commit, environment=f"e{number}"))
    house.tell()

    house.tell()

    assert len(house.gitlab.asked) == 1
    assert house.store.outbox.waiting(house.clock.now()) == []


def test_services_of_one_project_have_statuses_of_their_own(house: House):
    shop = house.desk.settings.services["shop"]
    services = {"shop": shop, "pay": replace(shop, name="pay", repository=replace(shop.repository))}
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services=services))
    house.run()

    house.tell()

    assert set(house.shown()) == {f"shipway/shop/{name}" for name in STAGES}


def test_one_forge_that_is_away_holds_up_no_other(house: House):
    shop = house.desk.settings.services["shop"]
    away = Repository("http://127.0.0.1:9/acme/pay.git", "gitlab", "acme/pay", token=shop.repository.token)
    pay = replace(shop, name="pay", repository=away)
    settings = replace(house.desk.settings, services={"shop": shop, "pay": pay})
    house.desk = replace(house.desk, settings=settings)
    house.run(service="pay")
    house.run()

    house.tell()

    assert house.shown() == states()
