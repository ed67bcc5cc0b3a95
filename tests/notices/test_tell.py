"""What changed is told: which changes, to whom, in what words, and how often."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from pipeline.intake.sight import Comparison, Sight
from pipeline.notices.notice import Event, Language, Quiet, Rule
from pipeline.rollout.deployment import Status
from tests.contracts.samples import begun, new_run
from tests.notices.conftest import ALL, CHAT, DOOR, MAIL, House

WHY = "/healthz answered 500"


def test_a_failed_run_tells_stage_reason_last_lines_and_the_way_back(house: House):
    run = house.failed_run("exit code 1", "step 1\nstep 2\nmake: *** boom\n")

    house.tell()

    (label, message), door = house.mouth.said[0], f"{DOOR}/runs/{run}"
    assert label == "dingtalk:1"
    assert message.title == f"shop on production: run {run} failed in build: exit code 1"
    assert "make: *** boom" in message.plain
    assert f"Retry: shipway run retry {run}: {door}" in message.plain
    assert f"[Run {run}]({door})" in message.markdown


def test_a_rollback_tells_host_step_reason_and_the_containers_last_words(house: House):
    number = house.deployed(Status.ROLLED_BACK, WHY, log="Traceback\nKeyError: 'DB_URL'\n")

    house.tell()

    message = house.mouth.said[0][1]
    assert message.title == f"shop on production: release 1 was taken back on web-2: {WHY}"
    for part in ("Host: web-2", "Step: failed", f"Reason: web-2: {WHY}", "KeyError: 'DB_URL'"):
        assert part in message.plain
    assert f"{DOOR}/deployments/{number}" in message.plain
    assert len(house.mouth.said) == 1  # its run failed too: that is not told beside it


def test_a_success_and_a_deployment_without_a_run_are_told(house: House):
    house.deployed(Status.SUCCEEDED)
    house.manual(Status.FAILED)

    house.tell()

    assert house.mouth.titles[0] == "shop on production: release 1 is live"
    assert house.mouth.titles[1].startswith("shop on production: release 2 was not deployed")


def test_what_was_superseded_or_cancelled_is_told_to_nobody(house: House):
    house.store.runs.cancel(house.store.runs.add(new_run()).id)

    house.tell()

    assert house.mouth.said == []
    assert house.store.notices.moments() == []


def test_a_run_that_is_good_again_is_told_once(house: House):
    failed = house.failed_run()
    good = house.good_run()
    house.good_run()

    house.tell()

    assert house.mouth.titles[1:] == [
        f"shop on production: run {good} succeeded, after run {failed} had failed"
    ]


def test_a_failed_merge_request_is_its_forges_business(house: House):
    house.failed_run(environment="", merge_request=3, kind="merge_request")

    house.tell()

    assert house.mouth.said == []


def test_an_approval_is_asked_for_each_time(house: House):
    for _ in range(2):
        run, lease = begun(house.store)
        house.store.runs.wait_for_approval(run, lease)
        house.tell()

    assert len(house.mouth.said) == 2
    assert f"Approve: shipway run approve {run}" in house.mouth.said[-1][1].plain


def test_a_deployment_that_waits_for_promotion_asks_too(house: House):
    number = house.manual(Status.AWAITING_PROMOTION)

    house.tell()

    assert house.mouth.titles == [f"shop on production: deployment {number} waits for an approval"]


def test_a_host_that_comes_and_goes_is_told_twice_at_most_in_the_window(house: House):
    for _ in range(6):
        house.store.fleet.silent("web-2", house.clock.now())
        house.tell()
        house.store.fleet.answers("web-2", house.clock.now())
        house.tell()

    assert house.mouth.titles == ["Host web-2 does not answer"]
    house.clock.sleep(ALL.fold)
    house.tell()
    assert house.mouth.titles[1:] == ["Host web-2 answers again (×11)"]
    assert "Runs there: shop/production" in house.mouth.said[0][1].plain


def test_a_repository_that_is_lost_says_why(house: House):
    house.store.inbox.saw(Sight("shop"), Comparison(), None)
    house.store.inbox.trouble("shop", "connection refused")

    house.tell()

    assert house.mouth.titles == ["shop: its repository cannot be looked at: connection refused"]


def test_a_webhook_that_is_turned_off_is_told_once_a_day(house: House):
    house.watch.found = [("shop", "GitLab has turned the webhook off for good.")]
    for _ in range(24):
        house.tell()
        house.clock.sleep(3500)
    assert house.mouth.titles == [
        "shop: the forge has turned off its webhook: GitLab has turned the webhook off for good."
    ]

    house.clock.sleep(3600)
    house.tell()

    assert len(house.mouth.said) == 2


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule("x", (CHAT,), services=frozenset({"blog"})), 0),
        (Rule("x", (CHAT,), services=frozenset({"shop"})), 2),
        (Rule("x", (CHAT,), environments=frozenset({"test"})), 0),
        (Rule("x", (CHAT,), events=frozenset({Event.HOST_LOST})), 1),
        (Rule("x", (CHAT, MAIL)), 4),
    ],
)
def test_a_rule_chooses_by_service_environment_and_event(rule: Rule, told: int, house: House):
    house.rules(rule)
    house.failed_run()
    house.store.fleet.silent("web-2", house.clock.now())  # blog does not run there

    house.tell()

    assert len(house.mouth.said) == told


def test_each_rule_has_its_language(house: House):
    house.rules(ALL, Rule("cn", (MAIL,), language=Language.ZH))
    run = house.failed_run()

    house.tell()

    assert house.mouth.titles[1] == f"shop(production):流水线 {run} 在 build 阶段失败:exit code 1"


def test_a_storm_of_the_same_is_one_message_with_a_count(house: House):
    house.failed_run()
    house.tell()
    runs = [house.failed_run() for _ in range(40)]
    house.tell()
    assert len(house.mouth.said) == 1

    house.clock.sleep(ALL.fold)
    house.tell()

    assert house.mouth.titles[1] == f"shop on production: run {runs[-1]} failed in build: exit code 1 (×40)"


def test_no_target_gets_more_than_it_takes_in_a_minute(house: House):
    for n in range(100):
        house.failed_run(environment=f"e{n}")

    house.tell()
    house.clock.sleep(5)
    house.failed_run(environment="late")
    house.tell()
    assert len(house.mouth.said) == 15
    assert house.mouth.titles[-1].startswith("Shipway: 86 notices since")

    house.clock.sleep(60)
    house.tell()

    assert house.mouth.titles[-1].startswith("shop on late")


def test_quiet_hours_hold_and_end_in_one_message(house: House):
    now = datetime.combine(house.clock.now().date() + timedelta(days=1), time(23), tzinfo=UTC)
    house.clock.sleep((now - house.clock.now()).total_seconds())
    quiet = Quiet(time(22), time(8), but=frozenset({Event.DEPLOY_ROLLED_BACK}))
    house.rules(replace(ALL, quiet=quiet))
    house.failed_run()
    house.failed_run(environment="test")
    house.deployed(Status.ROLLED_BACK, WHY)
    house.tell()
    assert [title.split(":")[0] for title in house.mouth.titles] == ["shop on production"]

    house.clock.sleep(9 * 3600)
    house.tell()

    assert house.mouth.titles[1].startswith("Shipway: 2 notices since")
