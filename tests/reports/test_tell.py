"""What changes in the books is on the forge, whatever the forge does in between."""

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.delivery.run import StageName, StageStatus
from pipeline.reports.tell import ACTIVE, ASLEEP
from tests.contracts.samples import deployment, release, settle
from tests.reports.conftest import STAGES, House, states

LATER = datetime(2999, 1, 1, tzinfo=UTC)


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


def test_it_looks_often_while_something_is_under_way_and_sleeps_after(house: House):
    run, lease = house.run()
    busy = house.tell()
    house.store.runs.finish(run, "failed", "", lease)

    idle = house.tell()

    assert (busy, idle) == (ACTIVE, ASLEEP)


def test_while_another_process_tells_this_one_does_not(house: House):
    house.run()
    house.store.leases.take("reports", "another", 60)

    assert house.tell() == ACTIVE
    assert house.gitlab.asked == []


def test_services_of_one_project_have_statuses_of_their_own(house: House):
    shop = house.desk.settings.services["shop"]
    services = {"shop": shop, "pay": replace(shop, name="pay", repository=replace(shop.repository))}
    house.desk = replace(house.desk, settings=replace(house.desk.settings, services=services))
    house.run()

    house.tell()

    assert set(house.shown()) == {f"shipway/shop/{name}" for name in STAGES}
