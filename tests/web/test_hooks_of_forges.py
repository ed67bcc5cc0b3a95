"""POST /hooks/<forge>, for every forge there is: run, ignored and why, duplicate; as JSON and as a form."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from pipeline.web.app import create_app
from tests.runners.forges.bodies import BODIES, COMMIT, EVENTS, FORM, TAG_OBJECT, ZEROS, proof
from tests.web.conftest import SECRET, House

each_forge = pytest.mark.parametrize("forge", sorted(BODIES))
UNKNOWN_EVENT = {"object_kind": "star", "hook_name": "star"}


def post(
    house: House, forge: str, payload: dict[str, Any], form: bool = False, **headers: str
) -> TestResponse:
    """Proved with the shop's secret, at a Shipway whose shop is built from this forge."""
    shop = house.ports.settings.services["shop"]
    shop = replace(shop, repository=replace(shop.repository, forge=forge))
    ports = replace(house.ports, settings=replace(house.ports.settings, services={"shop": shop}))
    body = json.dumps(payload).encode()
    body = urlencode({"payload": body}).encode() if form else body
    sent = EVENTS[forge] | proof(forge, body, SECRET, datetime.now(UTC)) | headers
    kind = FORM if form else "application/json"
    return create_app(ports).test_client().post(f"/hooks/{forge}", data=body, headers=sent, content_type=kind)


@pytest.mark.parametrize("form", [False, True], ids=["JSON", "form"])
@each_forge
def test_a_push_is_a_run_and_the_same_again_a_duplicate(house, forge, form):
    first, again = (post(house, forge, BODIES[forge](), form) for _ in range(2))

    (run,) = house.ports.runs.runs()
    assert (first.status_code, first.json) == (202, {"delivery": 1, "runs": [run.id]})
    assert (again.status_code, again.json) == (200, first.json | {"duplicate": True})
    assert run.commit == COMMIT


@each_forge
def test_another_event_is_ignored_and_says_why(house, forge):
    payload = BODIES[forge](**UNKNOWN_EVENT, updates=[])

    answer = post(house, forge, payload, **dict.fromkeys(EVENTS[forge], "star"))

    wanted = "neither a branch nor a tag moved" if forge == "git" else "event 'star' is nothing to build"
    assert (answer.status_code, answer.json) == (200, {"delivery": 1, "ignored": wanted})


@pytest.mark.parametrize("forge", sorted(BODIES.keys() - {"git"}))
def test_an_event_of_no_project_is_ignored_and_says_why(house, forge):
    answer = post(house, forge, UNKNOWN_EVENT, **dict.fromkeys(EVENTS[forge], "star"))

    assert answer.json == {"delivery": 1, "ignored": "event 'star' is nothing to build"}


@pytest.mark.parametrize("forge", ["github", "gitlab", "gitea", "forgejo", "gitee", "codeup"])
def test_a_deleted_branch_is_ignored_and_says_why(house, forge):
    payload = BODIES[forge](after=ZEROS, checkout_sha=None, head_commit=None)

    assert post(house, forge, payload).json == {"delivery": 1, "ignored": "branch 'main' was deleted"}


@pytest.mark.parametrize("forge", ["gitea", "forgejo"])
def test_an_id_of_gitea_belongs_to_one_push(house, forge):
    key = {"X-Gitea-Delivery": "g-1"}
    post(house, forge, BODIES[forge](), **key)

    other = post(house, forge, BODIES[forge](after=TAG_OBJECT), **key)

    assert other.status_code == 409
    assert "sent delivery g-1 before, and it told of something else" in other.json["detail"]
    assert [run.commit for run in house.ports.runs.runs()] == [COMMIT]


TAG = {"ref": "refs/tags/v1", "before": ZEROS, "after": TAG_OBJECT}
TWINS = [
    ("push", TAG | {"head_commit": {"id": COMMIT, "message": "Add a shop"}}),
    ("create", {"ref": "v1", "ref_type": "tag", "sha": TAG_OBJECT}),
]


@pytest.mark.parametrize("forge", ["gitea", "forgejo"])
@pytest.mark.parametrize("order", [1, -1], ids=["push first", "create first"])
def test_a_new_tag_that_gitea_tells_in_two_events_is_one_run(house, forge, order):
    answers = [
        post(house, forge, BODIES[forge](**payload), **dict.fromkeys(EVENTS[forge], event))
        for event, payload in TWINS[::order]
    ]

    assert [answer.status_code for answer in answers] == [202, 200]
    assert "tells of a new tag in two events" in answers[1].json["ignored"]
    assert [run.ref for run in house.ports.runs.runs()] == ["v1"]


@each_forge
def test_a_wrong_secret_is_told_and_nothing_is_kept(house, forge):
    body = json.dumps(BODIES[forge]()).encode()

    answer = post(house, forge, BODIES[forge](), **proof(forge, body, "wrong", datetime.now(UTC)))

    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert house.ports.inbox.deliveries() == []
