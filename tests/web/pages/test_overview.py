"""The overview: what is live, what is moving, what is sick, in words; the sick first, and nobody's text as markup."""

from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest

from pipeline.delivery.run import NewRun, Stage, StageName, StageStatus
from pipeline.lease import run_key
from pipeline.rollout.deployment import HostPhase, HostRecord, Status
from pipeline.rollout.observed import HostSeen
from pipeline.secret import Secret
from pipeline.web.app import create_app
from pipeline.web.pages.standing import Health, Replicas, health_of
from tests.web.conftest import COMMIT, DB_PASSWORD, SECRET
from tests.web.deployed import bring
from tests.web.pages.conftest import PASSWORD, Browser
from tests.web.test_overview import hold

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def browser(person):
    return person("viewer")


def add_run(house, **changes):
    return house.store.runs.add(
        replace(
            NewRun("shop", "production", "branch", "main", COMMIT, "push:mia", "Sell more\n\nText."),
            **changes,
        )
    )


@pytest.mark.parametrize(
    ("live", "replicas", "health"),
    [
        (False, Replicas(0), Health.EMPTY),
        (True, Replicas(2), Health.UNKNOWN),
        (True, Replicas(2, 2), Health.HEALTHY),
        (True, Replicas(2, 1), Health.DEGRADED),
        (True, Replicas(2, 0), Health.DOWN),
        (True, Replicas(2, 2, ("web-1",)), Health.DEGRADED),
    ],
)
def test_health_is_what_hosts_say_and_never_guessed(live, replicas, health):
    assert health_of(live, replicas) is health


def test_a_fresh_start_says_what_to_type_next(browser):
    text = browser.get("/").text

    assert "Nothing is deployed yet" in text
    assert "shipway run start shop test test" in text


def test_what_is_live_is_told_with_its_replicas_and_a_silent_host(house, browser):
    bring(house, house.release().number)

    text = browser.get("/").text

    assert "Release 1" in text
    assert COMMIT[:8] in text
    assert "No answer from web-2" in text
    assert "Needs attention" in text


def test_a_run_under_way_tells_its_stage_and_the_commits_first_line(house, browser):
    run = add_run(house)
    lease = house.store.leases.take(run_key(run.id), "w", 30)
    house.store.runs.begin(run.id, lease)
    house.store.runs.save_stage(run.id, Stage(StageName.TEST, StageStatus.RUNNING, datetime.now(UTC)), lease)

    text = browser.get("/").text

    assert "Moving" in text
    assert f'href="/runs/{run.id}"' in text
    assert "0/5 · test" in text
    assert "Sell more" in text
    assert "Text." not in text


def test_a_deployment_under_way_tells_its_host_and_phase(house, browser):
    number = bring(house, house.release().number, Status.ROLLING)
    record = HostRecord("web-1", HostPhase.CHECKING)
    lease = house.store.leases.take(f"deployment:{number}", "x", 30)
    house.store.deployments.save(
        replace(house.store.deployments.deployment(number), records=(record,)), [], lease
    )

    text = browser.get("/").text

    assert f'href="/deployments/{number}"' in text
    assert "0/2 · web-1: checking" in text


def test_a_run_that_is_held_is_told_with_what_to_type(house, browser):
    number = hold(house, "waits for the window that opens Mon 2026-11-30 09:00 UTC")

    text = browser.get("/").text

    assert "Waiting" in text
    assert "held" in text
    assert "It waits for the window that opens Mon 2026-11-30 09:00 UTC." in text
    assert f"<code>shipway run approve {number} --override</code>" in text
    assert "It waits for the window that opens" in browser.get(f"/runs/{number}").text


def test_a_deployment_that_waits_for_somebody_is_told_with_what_to_type(house, browser):
    number = bring(house, house.release().number, Status.PAUSED)

    assert f"<code>shipway resume {number}</code>" in browser.get("/").text


def test_a_run_under_way_is_seen_behind_many_that_gave_way(house, browser):
    run = add_run(house)
    house.store.runs.begin(run.id, house.store.leases.take(run_key(run.id), "w", 30))
    for _ in range(6):
        add_run(house)

    assert f'href="/runs/{run.id}"' in browser.get("/").text


def test_what_failed_last_is_told_until_something_succeeds(house, browser):
    run = add_run(house)
    lease = house.store.leases.take(run_key(run.id), "w", 30)
    house.store.runs.begin(run.id, lease)
    house.store.runs.finish(run.id, "failed", "Test failed: 3 of 9.", lease)

    failed = browser.get("/").text
    bring(house, house.release().number)

    assert "Test failed: 3 of 9." in failed
    assert "Test failed: 3 of 9." not in browser.get("/").text


def test_nothing_that_somebody_wrote_becomes_markup(house, browser):
    run = add_run(house, ref=HOSTILE, message=HOSTILE, requested_by=f"push:{HOSTILE}")
    lease = house.store.leases.take(run_key(run.id), "w", 30)
    house.store.runs.begin(run.id, lease)
    house.store.runs.finish(run.id, "failed", HOSTILE, lease)
    house.ports.inbox.trouble("blog", HOSTILE)

    text = browser.get("/").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_no_secret_is_in_the_page(house, browser):
    bring(house, house.release().number)

    text = browser.get("/").text

    assert DB_PASSWORD not in text
    assert SECRET not in text


def test_somebody_bound_to_a_service_sees_no_other(person):
    text = person("viewer", "shop/test").get("/").text

    assert "shop" in text
    assert "blog" not in text
    assert "production" not in text


def test_a_host_that_hangs_keeps_nobody_waiting(house):
    bring(house, house.release().number)
    answered = Event()

    class Hanging:
        def look(self, host, service, environment):
            answered.wait(5)
            return HostSeen(host.name, True)

    house.store.users.create("ada", "viewer", (), Secret(PASSWORD))
    app = create_app(replace(house.ports, engines=Hanging()))
    browser = Browser(app.test_client())
    browser.send("/sign-in", name="ada", password=PASSWORD)

    text = browser.get("/").text

    answered.set()
    app.extensions["shipway.pulse"].close()
    assert "Release 1" in text
    assert "unknown" in text


def test_the_page_speaks_chinese(house, browser):
    bring(house, house.release().number)

    text = browser.get("/?lang=zh").text

    assert "版本 1" in text
    assert "需要关注" in text
