"""The page of a run: what became of it and what to do next, its stages, its tests, its log without a script."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.delivery.report import Case, CommandResult, Totals
from pipeline.delivery.report import TestOutcome as Outcome
from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.lease import run_key
from tests.web.conftest import DB_PASSWORD, SECRET
from tests.web.pages.test_overview import HOSTILE, add_run
from tests.web.test_overview import hold

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
FAILING = Outcome(
    (
        CommandResult(
            "", 1, 2.0, totals=Totals(8, 1, 0, 2), cases=(Case("test_cart", "1 == 0"),), coverage=81.2
        ),
    )
)


@pytest.fixture
def browser(person):
    return person("deployer")


def at_work(house, **changes):
    """A run that a worker has taken up."""
    run = add_run(house, **changes)
    lease = house.store.leases.take(run_key(run.id), "w", 30)
    house.store.runs.begin(run.id, lease)
    return run, lease


def failed(house, error="The tests failed: 1 of 9."):
    run, lease = at_work(house)
    stage = Stage(
        StageName.TEST, StageStatus.FAILED, BEGUN, BEGUN + timedelta(seconds=62), error, tests=FAILING
    )
    house.store.runs.save_stage(run.id, stage, lease)
    house.store.runs.finish(run.id, "failed", error, lease)
    return run


def numbers(text):
    return [int(n) for n in re.findall(r'<li id="L(\d+)">', text)]


def test_a_failed_run_says_what_failed_why_and_what_to_do(house, browser):
    text = browser.get(f"/runs/{failed(house).id}").text

    assert "It failed: test." in text
    assert "The tests failed: 1 of 9." in text
    assert "retry the same commit" in text
    assert "1 min 2 s" in text
    assert "8 passed" in text
    assert "1 failed" in text
    assert "81.2 % covered" in text
    assert "test_cart" in text


def test_a_run_under_way_can_be_cancelled_and_one_that_is_over_tried_again(house, browser):
    over = failed(house)
    run, _ = at_work(house)

    going, ended = browser.get(f"/runs/{run.id}").text, browser.get(f"/runs/{over.id}").text

    assert f'href="/runs/{run.id}/cancel"' in going
    assert f'sse-connect="/runs/{run.id}/live"' in going
    assert f'href="/runs/{over.id}/retry"' in ended
    assert "sse-connect" not in ended


def test_a_viewer_reads_and_has_no_buttons(house, person):
    run, _ = at_work(house)

    text = person("viewer").get(f"/runs/{run.id}").text

    assert "It is under way." in text
    assert "/cancel" not in text


@pytest.mark.parametrize(
    "path", ["", "/live", "/log", "/log/index", "/log/search?q=a", "/log/follow", "/cancel"]
)
def test_nobody_reads_a_run_of_another_service(house, person, path):
    run = add_run(house)

    assert person("deployer", "blog").get(f"/runs/{run.id}{path}").status_code == 403


@pytest.mark.parametrize(
    "path", ["/log", "/log/index", "/log/search?q=a", "/log/follow", "/artifacts/a", "/live"]
)
def test_nobody_reads_a_log_without_signing_in(house, stranger, path):
    run = add_run(house)

    assert stranger.client.get(f"/runs/{run.id}{path}").status_code == 401


def test_the_log_is_its_last_lines_with_ways_to_the_older_ones(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "build", "".join(f"line {n}\n" for n in range(1, 1201)))

    last = browser.get(f"/runs/{run.id}").text
    older = browser.get(f"/runs/{run.id}?from=201").text

    assert numbers(last) == list(range(701, 1201))
    assert f'href="/runs/{run.id}?from=201#log"' in last
    assert numbers(older) == list(range(201, 701))
    assert f'href="/runs/{run.id}?from=701#log"' in older
    assert f'href="/runs/{run.id}?from=1#log"' in older


def test_a_stage_shows_its_own_lines_under_their_numbers_in_the_log(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "checkout", "a\nb\n")
    house.logs.append(run.id, "build", "c\n")

    text = browser.get(f"/runs/{run.id}?stage=build").text

    assert numbers(text) == [3]
    assert "<span>c</span>" in text


def test_a_search_shows_the_lines_that_hold_it(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "build", "one\n\x1b[31mTw\x1b[1mo\x1b[0m\nthree\ntwo\n")

    text = browser.get(f"/runs/{run.id}?q=TWO").text

    assert numbers(text) == [2, 4]
    assert "2 lines" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "query", ["from=0", "from=x", "from=-5", "from=99999999", "stage=moon", "q=%00", "from="]
)
def test_an_odd_question_is_answered_with_the_page(house, browser, query):
    run, _ = at_work(house)
    house.logs.append(run.id, "build", "one\n")

    assert browser.get(f"/runs/{run.id}?{query}").status_code == 200


def test_a_line_without_end_does_not_make_the_page_heavy(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "build", "x" * 1_000_000 + "\nlast\n")

    text = browser.get(f"/runs/{run.id}").text

    assert numbers(text) == [1, 2]
    assert len(text) < 30_000


def test_nothing_that_somebody_wrote_becomes_markup(house, browser):
    run, lease = at_work(house, ref=HOSTILE, message=HOSTILE, requested_by=f"push:{HOSTILE}")
    outcome = Outcome((CommandResult(HOSTILE, 1, cases=(Case(HOSTILE, HOSTILE),)), CommandResult("b", 0)))
    stage = Stage(StageName.TEST, StageStatus.FAILED, BEGUN, BEGUN, HOSTILE, {"summary": HOSTILE}, outcome)
    house.store.runs.save_stage(run.id, stage, lease)
    house.logs.append(run.id, "test", f"{HOSTILE}\n")
    house.store.runs.finish(run.id, "failed", HOSTILE, lease)

    text = browser.get(f"/runs/{run.id}?q=script").text + browser.get(f"/runs/{run.id}").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_nothing_on_the_page_is_inline_and_no_secret_is_there(house, browser):
    run = failed(house)

    text = browser.get(f"/runs/{run.id}").text

    assert "style=" not in text
    assert "<script>" not in text
    assert DB_PASSWORD not in text
    assert SECRET not in text


def test_the_page_weighs_less_than_200_kb_with_all_it_needs(house, browser):
    from pipeline.web.pages.static import assets

    run, _ = at_work(house)
    house.logs.append(run.id, "build", f"{'&' * 90}\n" * 3000)

    text = browser.get(f"/runs/{run.id}").text
    needed = set(re.findall(r'"/static/\w+/([^"]+)"', text))

    assert len(text.encode()) + sum(len(assets()[name].content) for name in needed) < 200_000


def test_the_page_speaks_chinese(house, browser):
    text = browser.get(f"/runs/{failed(house).id}?lang=zh").text

    assert "失败：测试。" in text
    assert "搜索日志" in text


def test_the_plain_log_is_given_by_ranges_and_as_a_file(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "build", "one\ntwo\n")

    part = browser.get(f"/runs/{run.id}/log", headers={"Range": "bytes=4-6"})
    whole = browser.get(f"/runs/{run.id}/log?download")

    assert (part.status_code, part.text) == (206, "two")
    assert (whole.text, whole.mimetype) == ("one\ntwo\n", "text/plain")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="run-{run.id}.log"'


def test_the_index_says_where_lines_and_stages_begin(house, browser):
    run, _ = at_work(house)
    house.logs.append(run.id, "checkout", "a\n" * 700)
    house.logs.append(run.id, "build", "b\nc")

    found = browser.get(f"/runs/{run.id}/log/index").json

    assert (found["offsets"], found["lines"], found["size"]) == ([0, 1000], 702, 1403)
    assert found["parts"] == [
        {"stage": "checkout", "begin": 0, "end": 700},
        {"stage": "build", "begin": 700, "end": 702},
    ]
    assert found["over"] is False


def test_the_log_is_followed_from_a_byte_on(house, browser):
    run = failed(house)
    house.logs.append(run.id, "build", "one\ntwo\n")

    answer = browser.client.get(
        f"/runs/{run.id}/log/follow?offset=4", headers={"Accept": "text/event-stream"}
    )

    assert answer.mimetype == "text/event-stream"
    assert "data: two" in answer.text
    assert "data: one" not in answer.text


@pytest.mark.parametrize("deed", ["cancel", "retry", "approve"])
def test_a_deed_is_explained_before_it_is_done(house, browser, deed):
    run = add_run(house)

    text = browser.get(f"/runs/{run.id}/{deed}").text

    assert f'action="/runs/{run.id}/{deed}"' in text
    assert 'name="form_token"' in text


def test_a_run_is_cancelled_and_the_audit_says_by_whom(house, browser):
    run = add_run(house)

    answer = browser.act(f"/runs/{run.id}/cancel")

    assert answer.location == f"/runs/{run.id}"
    assert house.store.runs.run(run.id).status == "cancelled"
    entry = house.store.audit.entries()[0]
    assert (entry["actor"].partition(":")[0], entry["action"]) == ("user", "run.cancel")


def test_a_retry_leads_to_the_new_run_and_a_refusal_is_read(house, browser):
    run = failed(house)

    answer = browser.act(f"/runs/{run.id}/retry")
    refused = browser.act(f"/runs/{run.id}/cancel")

    assert answer.location == f"/runs/{run.id + 1}"
    assert refused.status_code == 409
    assert "over already" in refused.text


def test_an_admin_lets_a_held_run_deploy_and_nobody_else_is_offered_it(house, person):
    number = hold(house, "waits for the end of the freeze: Christmas")
    admin, deployer = person("admin"), person("deployer")

    offered, kept = admin.get(f"/runs/{number}").text, deployer.get(f"/runs/{number}").text
    asked = admin.get(f"/runs/{number}/override").text
    done = admin.act(f"/runs/{number}/override", reason="a fix")

    assert f'href="/runs/{number}/override"' in offered
    assert f'href="/runs/{number}/override"' not in kept
    assert deployer.act(f"/runs/{number}/override").status_code == 403
    assert done.location == f"/runs/{number}"
    assert 'name="reason"' in asked
    assert house.store.runs.run(number).overridden_by.startswith("user:admin")
    assert ": a fix" in admin.get(f"/runs/{number}").text
