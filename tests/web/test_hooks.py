"""POST /hooks/<forge>: what a forge is answered."""

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pipeline.web.hooks import LARGEST_HOOK
from pipeline.web.house_answers import HookAnswer
from tests.web.conftest import COMMIT, SECRET

SIGNED = {"X-Gitlab-Token": SECRET, "X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "11111111-aaaa"}


def push(ref: str = "refs/heads/main", project: str = "acme/shop", after: str = COMMIT) -> dict[str, Any]:
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": "b" * 40,
        "after": after,
        "ref": ref,
        "checkout_sha": after,
        "user_username": "ada",
        "project": {"path_with_namespace": project},
        "commits": [{"id": after, "message": "Sell more"}],
    }


def test_push_is_accepted_with_its_runs(client, house):
    answer = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    assert answer.status_code == 202
    (run,) = answer.json["runs"]
    assert answer.json == {"delivery": 1, "runs": [run]}
    assert house.ports.runs.run(run).commit == COMMIT


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/elsewhere"])
@pytest.mark.parametrize("times", [1, 2])
def test_every_answer_has_the_shape_that_the_description_gives(client, ref, times):
    for _ in range(times):
        answer = client.post("/hooks/gitlab", json=push(ref), headers=SIGNED)

    assert HookAnswer.model_validate(answer.json).model_dump(exclude_none=True) == answer.json


def test_redelivery_answers_the_same_ids_and_says_so(client):
    first = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    again = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    assert again.status_code == 200
    assert again.json == first.json | {"duplicate": True}


def test_push_that_nothing_waits_for_is_ignored_with_a_reason(client):
    answer = client.post("/hooks/gitlab", json=push("refs/heads/elsewhere"), headers=SIGNED)

    assert answer.status_code == 200
    assert set(answer.json) == {"delivery", "ignored"}
    assert "elsewhere" in answer.json["ignored"]


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/hooks/gitlab", SIGNED | {"X-Gitlab-Token": "wrong"}, json.dumps(push()).encode(), 401),
        ("/hooks/gitlab", {"X-Gitlab-Event": "Push Hook"}, json.dumps(push()).encode(), 401),
        ("/hooks/gitlab", SIGNED, json.dumps(push(project="acme/nothing")).encode(), 404),
        ("/hooks/sourceforge", SIGNED, json.dumps(push()).encode(), 404),
        ("/hooks/gitlab", SIGNED, b"{", 400),
        ("/hooks/gitlab", SIGNED, b"\xff\xfe{}", 400),
        ("/hooks/gitlab", SIGNED, b"[" * 100_000, 400),
        ("/hooks/gitlab", SIGNED, b"", 400),
        ("/hooks/gitlab", SIGNED, b"{" + b" " * LARGEST_HOOK, 413),
    ],
)
def test_refused_hooks_answer_a_problem_document_and_keep_nothing(client, house, path, headers, body, status):
    answer = client.post(path, data=body, headers=headers, content_type="application/json")

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["detail"].endswith(".")
    assert SECRET not in answer.text
    assert house.ports.inbox.deliveries() == []


def test_a_form_of_several_parts_is_refused_and_says_what_to_change(client):
    answer = client.post(
        "/hooks/github", data={"payload": "{}"}, headers=SIGNED, content_type="multipart/form-data"
    )

    assert answer.status_code == 415
    assert "application/json" in answer.json["detail"]


@pytest.fixture
def frozen(house):
    """A process frozen inside a write transaction blocks every other writer."""
    other = sqlite3.connect(house.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_a_locked_database_asks_the_sender_to_come_again_before_gitlab_hangs_up(client, frozen):
    begun = time.monotonic()

    answer = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    assert 5 < time.monotonic() - begun < 8  # GitLab hangs up after 10
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json["detail"].startswith(
        "The database did not take a write within 6 s. It may yet: send it again"
    )


def test_a_hook_that_was_written_after_its_answer_is_a_duplicate_the_next_time(client, house, frozen):
    vars(house.store.inbox)["_group"]._answer_within = 0.3  # nobody waits 6 s twice in a test
    refused = client.post("/hooks/gitlab", json=push(), headers=SIGNED)
    frozen.execute("ROLLBACK")
    vars(house.store.inbox)["_group"]._answer_within = 6.0

    again = client.post("/hooks/gitlab", json=push(), headers=SIGNED)
    and_again = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    (run,) = house.ports.runs.runs()
    assert refused.status_code == 503
    assert (again.status_code, again.json) == (200, {"delivery": 1, "runs": [run.id], "duplicate": True})
    assert and_again.json == again.json


def test_a_lock_that_lasts_outlives_the_sender_and_not_the_writer(client, house, frozen):
    """GitLab sends nothing twice by itself: what it was refused is written as soon as it can be."""
    vars(house.store.inbox)["_group"]._answer_within = 0.3
    refused = client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    frozen.execute("ROLLBACK")
    house.store.inbox.close()  # waits for the writer

    assert refused.status_code == 503
    assert [run.commit for run in house.ports.runs.runs()] == [COMMIT]


def test_a_hook_stands_in_the_audit_once_and_a_duplicate_does_not(client, house):
    for _ in range(2):
        client.post("/hooks/gitlab", json=push(), headers=SIGNED)

    (line,) = house.store.audit.entries()
    assert (line["actor"], line["action"], line["target"], line["detail"]) == (
        "gitlab:ada",
        "webhook push",
        "acme/shop",
        "runs 1",
    )


def test_of_hooks_that_are_written_together_the_newest_is_woken(client, house, frozen):
    """They wait for one lock, and the older runs are superseded in the same transaction."""
    commits = [f"{number:040x}" for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(client.application.test_client().post, "/hooks/gitlab", json=push(after=commit),
                            headers=SIGNED) for commit in commits]  # fmt: skip
        group, until = vars(house.store.inbox)["_group"], time.monotonic() + 5
        while len(group._open.items if group._open else ()) < 7 and time.monotonic() < until:
            time.sleep(0.01)  # the first one waits for the lock, the others for the first one
        frozen.execute("ROLLBACK")
        statuses = [one.result().status_code for one in sent]

    queued = [run.id for run in house.ports.runs.runs(status="queued")]
    assert statuses == [202] * 8
    assert house.queue.woken[-1] == f"run {queued[0]}"
    assert len(house.queue.woken) <= 2


def test_hooks_are_counted_by_what_became_of_them(client):
    client.post("/hooks/gitlab", json=push(), headers=SIGNED)
    client.post("/hooks/gitlab", json=push(), headers=SIGNED)
    client.post("/hooks/gitlab", json=push(), headers=SIGNED | {"X-Gitlab-Token": "wrong"})
    client.post("/hooks/" + "x" * 50, json=push())

    figures = client.get("/metrics").text

    assert 'shipway_deliveries_total{forge="gitlab",outcome="accepted"} 1.0' in figures
    assert 'shipway_deliveries_total{forge="gitlab",outcome="duplicate"} 1.0' in figures
    assert 'shipway_deliveries_total{forge="gitlab",outcome="refused 401"} 1.0' in figures
    assert 'shipway_deliveries_total{forge="unknown",outcome="refused 404"} 1.0' in figures


def test_a_dead_queue_does_not_turn_a_hook_away(client, house):
    house.queue.down = True

    assert client.post("/hooks/gitlab", json=push(), headers=SIGNED).status_code == 202
