"""The short road of webhooks: answers to the byte what the application answers, waits without threads, wakes once."""

import asyncio
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import Unreachable
from pipeline.standing import live
from pipeline.web import hook_line
from pipeline.web.metrics import Figures
from tests.web.conftest import SECRET
from tests.web.running import Running
from tests.web.running import running as running
from tests.web.test_hooks import SIGNED, push

CHANGING = {"date", "x-request-id", "x-shipway-targets"}
JSON = {"Content-Type": "application/json"}


def ask(
    server: Running, body: bytes, path: str = "/hooks/gitlab", **headers: str
) -> tuple[int, dict[str, str], Any]:
    answer = server.ask("POST", path, body, **SIGNED | JSON | headers)
    given = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, given, json.loads(answer.read())


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/hooks/gitlab", {}, json.dumps(push()).encode()),
        ("/hooks/gitlab", {}, json.dumps(push("refs/heads/elsewhere")).encode()),
        ("/hooks/gitlab", {}, json.dumps(push() | {"note": "x" * hook_line.SMALL}).encode()),
        ("/hooks/gitlab", {"X-Gitlab-Token": "wrong"}, json.dumps(push()).encode()),
        ("/hooks/gitlab", {}, b"{"),
        ("/hooks/gitlab", {}, json.dumps(push(project="acme/nothing")).encode()),
        ("/hooks/sourceforge", {}, json.dumps(push()).encode()),
        ("/hooks/github", {"Content-Type": "multipart/form-data"}, b"{}"),
    ],
    ids=["run", "ignored", "large", "401", "400", "404", "no forge", "415"],
)
def test_the_short_road_answers_what_the_application_answers(running, client, path, headers, body):
    status, given, said = ask(running, body, path, **headers)
    long = client.post(path, data=body, headers=SIGNED | JSON | headers)

    duplicate = {"duplicate": True} if status in (200, 202) else {}
    wanted = {name.lower(): value for name, value in long.headers.items()}
    assert {n: v for n, v in given.items() if n not in CHANGING | {"content-length"}} == {
        n: v for n, v in wanted.items() if n not in CHANGING | {"content-length"}
    }
    assert said | duplicate | {"request_id": ""} == long.json | {"request_id": ""}
    assert long.status_code == (200 if status == 202 else status)


def test_a_request_id_of_the_sender_is_kept(running):
    _, given, _ = ask(running, json.dumps(push()).encode(), **{"X-Request-Id": "from-the-proxy-1"})

    assert given["x-request-id"] == "from-the-proxy-1"


def test_an_error_that_nobody_expected_is_500_with_its_number(running, monkeypatch, caplog):
    monkeypatch.setattr(hook_line, "settled", lambda *_: 1 // 0)  # no input is known that does this

    status, given, said = ask(running, json.dumps(push()).encode())

    assert (status, given["content-type"]) == (500, "application/problem+json")
    assert said["request_id"] in said["detail"]
    assert "ZeroDivisionError" in caplog.text


def test_a_locked_database_asks_the_sender_to_come_again_and_writes_all_the_same(running, monkeypatch):
    monkeypatch.setattr(hook_line, "ANSWER_WITHIN", 0.3)  # nobody waits 6 s in a test
    frozen = sqlite3.connect(running.house.database, isolation_level=None)
    frozen.execute("BEGIN IMMEDIATE")

    status, given, said = ask(running, json.dumps(push()).encode())
    frozen.execute("ROLLBACK")
    frozen.close()
    monkeypatch.setattr(hook_line, "ANSWER_WITHIN", 6.0)
    again = ask(running, json.dumps(push()).encode())

    assert (status, given["retry-after"]) == (503, "5")
    assert "It may yet: send it again" in said["detail"]
    assert again[0] == 200
    assert again[2]["duplicate"] is True
    assert len(running.house.ports.runs.runs()) == 1


def test_more_senders_than_threads_wait_together_and_the_newest_run_is_woken(running):
    frozen = sqlite3.connect(running.house.database, isolation_level=None, check_same_thread=False)
    frozen.execute("BEGIN IMMEDIATE")
    bodies = [json.dumps(push(after=f"{number:040x}")).encode() for number in range(1, 41)]
    with ThreadPoolExecutor(40) as pool:
        sent = [pool.submit(ask, running, body) for body in bodies]
        group, until = vars(running.house.store.inbox)["_group"], time.monotonic() + 5
        while len(group._open.items if group._open else ()) < 39 and time.monotonic() < until:
            time.sleep(0.01)
        frozen.execute("ROLLBACK")
        answers = [one.result() for one in sent]
    frozen.close()

    (newest,) = running.house.ports.runs.runs(status="queued")
    until = time.monotonic() + 5
    while f"run {newest.id}" not in running.house.queue.woken and time.monotonic() < until:
        time.sleep(0.01)
    assert {status for status, *_ in answers} == {202}
    assert len(running.house.queue.woken) <= 2


def test_a_queue_that_is_down_delays_no_answer(running):
    running.house.queue.down = True

    assert ask(running, json.dumps(push()).encode())[0] == 202


def test_no_answer_shows_the_secret(running):
    _, _, said = ask(running, json.dumps(push()).encode(), **{"X-Gitlab-Token": SECRET + "x"})

    assert SECRET not in json.dumps(said)


def test_settings_that_cannot_be_read_ask_the_sender_to_come_again(house):
    def away() -> Any:
        raise Unreachable("The database is away.")

    ports = replace(house.ports, settings=live(house.ports.settings, away))
    letter = hook_line.Letter("/hooks/gitlab", {"content-type": "application/json"}, b"{}")

    given = asyncio.run(hook_line.HookLine(ports, Figures(ports)).answer(letter))

    assert (given.status, given.headers["Retry-After"]) == (503, "5")
