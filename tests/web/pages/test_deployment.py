"""The page of a deployment: how it stands, each host's lane, where requests go, and what may be asked of it by whom."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.lease import deployment_key
from pipeline.rollout.deployment import (
    Happening,
    HostPhase,
    HostPlan,
    HostRecord,
    ReplicaRecord,
    Request,
    Status,
)
from pipeline.rollout.policy import OnFailure, Policy
from pipeline.web.pages.deployment_verdict import OFFERED, VERDICTS, offered, policy_in_words
from pipeline.web.pages.static import assets
from tests.web.conftest import DB_PASSWORD, SECRET
from tests.web.deployed import bring, three_good_releases
from tests.web.pages.test_overview import HOSTILE

AT = datetime(2026, 1, 1, tzinfo=UTC)
FAILED_PROBE = "GET /healthz answered 503 'starting'"


@pytest.fixture
def browser(person):
    return person("deployer", name="ada")


def change(house, number, *happenings, **changes):
    lease = house.store.leases.take(deployment_key(number), "x", 30)
    deployment = replace(house.store.deployments.deployment(number), **changes)
    house.store.deployments.save(deployment, list(happenings), lease)
    house.store.leases.give_back(lease)


def rolling(house, **changes):
    """Release 2 on its way: web-1 waits at its gate."""
    bring(house, house.release().number)
    number = bring(house, house.release().number, Status.ROLLING)
    gate = ReplicaRecord(0, "abc", "t0", good=1, note="GET /healthz answered 200")
    records = (HostRecord("web-1", HostPhase.CHECKING, replicas=(gate,)), HostRecord("web-2"))
    told = [
        Happening(AT + timedelta(seconds=second), phase, f"now {phase}", "web-1")
        for second, phase in ((0, "pulling"), (3, "starting"), (75, "checking"))
    ]
    change(house, number, *told, **{"records": records, **changes})
    return number


def rolled_back(house):
    number = rolling(house)
    bad = ReplicaRecord(0, "abc", "t0", bad=3, note=FAILED_PROBE)
    record = HostRecord("web-1", HostPhase.FAILED, f"check: {FAILED_PROBE}", touched=True, replicas=(bad,))
    words = Happening(AT, "log", "Traceback:\nKeyError: 'DB_URL'", "web-1")
    change(house, number, words, status=Status.ROLLING_BACK, records=(record,))
    change(house, number, status=Status.ROLLED_BACK, error="web-1 failed its check.")
    return number


def test_a_lane_tells_the_phases_with_their_times_the_probe_and_what_is_ahead(house, browser):
    text = browser.get(f"/deployments/{rolling(house)}").text
    lane = text[text.index('id="host-web-1"') : text.index('id="host-web-2"')]

    assert re.findall(r'class="word">([^<]+)', lane) == [
        *("pulling", "starting", "checking", "switching", "baking", "done")
    ]
    assert "3.0 s" in lane
    assert "1 min 12 s" in lane
    assert "1 good and 0 bad answers in a row, 1 to go" in lane
    assert "GET /healthz answered 200" in lane
    assert "10.0.0.1:20000" in lane
    assert "in the proxy" in lane


def test_a_host_that_does_not_answer_says_so_in_its_lane(house, browser):
    text = browser.get(f"/deployments/{rolling(house)}").text

    assert "The engine does not answer: connection refused" in text[text.index('id="host-web-2"') :]


def test_a_failure_tells_the_host_the_probe_and_the_last_words(house, browser):
    text = browser.get(f"/deployments/{rolled_back(house)}").text

    assert "It failed, and all hosts are back on release 1." in text
    assert "web-1 failed its check." in text
    assert "503 &#39;starting&#39;" in text
    assert "KeyError: &#39;DB_URL&#39;" in text


def test_the_picture_draws_what_is_seen_and_the_policy_is_said_in_words(house, browser):
    text = browser.get(f"/deployments/{rolling(house)}").text

    assert '<svg class="topology"' in text
    assert 'role="img" aria-label="Load balancer, proxies and replicas' in text
    assert "1 of 2 hosts at a time." in text


def test_an_older_deployment_does_not_show_what_runs_now_as_its_own(house, browser):
    rolling(house)

    text = browser.get("/deployments/1").text

    assert "Another deployment came after this one" in text
    assert "<svg" not in text


@pytest.mark.parametrize("status", list(Status), ids=str)
def test_every_status_has_its_sentence_and_what_can_be_asked(house, status):
    deployment = house.store.deployments.deployment(bring(house, house.release().number, Status.ROLLING))
    here = replace(deployment, status=status)

    assert VERDICTS[status](here).sentence
    assert set(offered(replace(here, blocked="x"))) == set(OFFERED.get(status, ()))


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(batch="100%", canary=1, on_failure=OnFailure.PAUSE)], ids=str
)
def test_a_policy_in_words_begins_with_hosts_and_ends_with_failure(house, policy):
    deployment = house.store.deployments.deployment(bring(house, house.release().number))

    sentences = [words for words, _ in policy_in_words(replace(deployment, policy=policy))]

    assert "ost" in sentences[0]
    assert sentences[-1].startswith("A failure")


@pytest.mark.parametrize(
    ("changes", "deeds"),
    [
        ({}, ["pause", "abort"]),
        ({"status": Status.PAUSED}, ["resume", "abort"]),
        ({"status": Status.AWAITING_PROMOTION}, ["approve", "promote", "abort"]),
        ({"status": Status.ROLLING_BACK}, []),
        ({"status": Status.ROLLING_BACK, "blocked": "web-1 does not answer"}, ["abort"]),
    ],
    ids=str,
)
def test_the_buttons_are_those_that_make_sense(house, browser, changes, deeds):
    number = rolling(house, **changes)

    text = browser.get(f"/deployments/{number}").text

    assert re.findall(rf'href="/deployments/{number}/(\w+)"', text) == deeds


def test_a_viewer_reads_and_has_no_buttons(house, person):
    number = rolling(house)

    text = person("viewer").get(f"/deployments/{number}").text

    assert "Release 2 is being brought" in text
    assert f"/deployments/{number}/" not in text.replace(f"/deployments/{number}/live", "")


def test_going_back_leads_to_the_plan_of_going_back(house, browser):
    three_good_releases(house)

    assert 'href="/services/shop/environments/production/rollback"' in browser.get("/deployments/3").text


@pytest.mark.parametrize("deed", ["pause", "resume", "approve", "promote", "abort"])
def test_what_is_asked_is_written_down_and_leads_back(house, browser, deed):
    states = {
        "resume": Status.PAUSED,
        "approve": Status.AWAITING_PROMOTION,
        "promote": Status.AWAITING_PROMOTION,
    }
    number = rolling(house, status=states.get(deed, Status.ROLLING))

    answer = browser.act(f"/deployments/{number}/{deed}")

    assert answer.location == f"/deployments/{number}"
    assert house.store.deployments.deployment(number).request is Request(deed)
    entry = house.store.audit.entries()[0]
    assert (entry["actor"], entry["action"]) == ("user:ada", f"deployment.{deed}")


def test_abort_shows_first_what_would_happen_and_changes_nothing(house, browser):
    bring(house, house.release().number)
    number = bring(house, house.release().number, Status.ROLLING)
    change(house, number, records=(HostRecord("web-1"), HostRecord("web-2")))

    text = browser.get(f"/deployments/{number}/abort").text

    assert "What will happen" in text
    assert "it ends" in text
    assert house.store.deployments.deployment(number).request is Request.NONE


def test_a_failed_one_is_tried_again_as_a_new_one(house, browser):
    number = rolled_back(house)

    answer = browser.act(f"/deployments/{number}/retry")

    assert answer.location == f"/deployments/{number + 1}"


@pytest.mark.parametrize("path", ["", "/live", "/abort"])
def test_nobody_reads_a_deployment_of_another_service(house, person, path):
    number = rolling(house)

    assert person("deployer", "blog").get(f"/deployments/{number}{path}").status_code == 403


@pytest.mark.parametrize("path", ["", "/abort"])
def test_nobody_reads_a_deployment_without_signing_in(house, stranger, path):
    assert stranger.get(f"/deployments/{rolling(house)}{path}").status_code == 303


def test_nothing_that_somebody_wrote_becomes_markup_and_no_secret_is_there(house, browser):
    number = rolling(house, requested_by=f"user:{HOSTILE}", blocked=HOSTILE)
    record = HostRecord(
        "web-1", HostPhase.FAILED, HOSTILE, replicas=(ReplicaRecord(0, "a", "t", note=HOSTILE),)
    )
    words = Happening(AT, "log", f"{HOSTILE}\nmore", "web-1")
    change(house, number, words, Happening(AT, HOSTILE, HOSTILE, "web-1"), records=(record,), error=HOSTILE)

    text = browser.get(f"/deployments/{number}").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert 'class="<' not in text
    assert "style=" not in text
    assert DB_PASSWORD not in text
    assert SECRET not in text


def test_the_page_weighs_less_than_200_kb_with_all_it_needs(house, browser):
    text = browser.get(f"/deployments/{rolled_back(house)}").text
    needed = set(re.findall(r'"/static/\w+/([^"]+)"', text))

    assert len(text.encode()) + sum(len(assets()[name].content) for name in needed) < 200_000


def test_a_fleet_of_hundreds_shows_those_that_need_a_look_and_weighs_little(house, browser):
    number = rolling(house)
    names = [f"web-{n}" for n in range(300)]
    records = [HostRecord(name, HostPhase.DONE, done=True) for name in names]
    records[7] = HostRecord("web-7", HostPhase.FAILED, "check: it answered 503")
    words = [Happening(AT, "log", "a line of a log\n" * 200, name) for name in names]
    hosts = tuple(HostPlan(name) for name in names)
    change(house, number, *words, hosts=hosts, records=tuple(records))

    text = browser.get(f"/deployments/{number}").text

    assert re.findall(r'class="card lane bad" id="host-([^"]+)', text) == ["web-2", "web-7"]
    assert "<b>298</b>" in text
    assert len(text.encode()) < 100_000


def test_the_page_speaks_chinese(house, browser):
    text = browser.get(f"/deployments/{rolling(house)}?lang=zh").text

    assert "正在部署版本 2" in text
    assert "每次 1/2 台主机。" in text
