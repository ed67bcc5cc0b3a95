"""Whatever is sent, the answer is a problem document with a 4xx, never a 5xx."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.web.api import CALLS
from tests.runners.forges.bodies import EVENTS, FORM, proof
from tests.web.test_access import url
from tests.web.test_hooks import SIGNED

MUCH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["ref", "release", "image", "replicas", "name", "role", "scopes", "x", "__proto__"])
BODIES = st.binary(max_size=200) | (JSON | st.dictionaries(FIELDS, JSON)).map(
    lambda v: json.dumps(v).encode()
)
BODIED = list({call.body: call for call in CALLS if call.body and call.action != "token.create"}.values())
SAY_NOTHING = {"plan_pools"}  # may be called without a word, about nothing in particular
QUERIED = [call for call in CALLS if call.query and call.answer]


@pytest.fixture
def admin(house):
    return house.token("admin")


@pytest.mark.parametrize("call", BODIED, ids=lambda call: call.name)
def test_no_body_makes_a_call_fall_over(client, admin, call):
    @MUCH
    @given(BODIES)
    def sent(body: bytes) -> None:
        answer = client.open(
            url(call, "moon"), method="POST", data=body, headers=admin, content_type="application/json"
        )
        if call.name in SAY_NOTHING and answer.status_code == 200:
            assert not body or json.loads(body) == {}
            return
        assert 400 <= answer.status_code < 500
        assert answer.content_type == "application/problem+json"

    sent()


@pytest.mark.parametrize("call", QUERIED, ids=lambda call: call.name)
def test_no_query_makes_a_call_fall_over(client, admin, call):
    names = st.sampled_from(sorted(call.query.model_fields)) | st.text(max_size=5)

    @MUCH
    @given(st.dictionaries(names, st.text(max_size=20) | st.integers().map(str), max_size=4))
    def sent(query: dict[str, str]) -> None:
        answer = client.get(url(call), query_string=query, headers=admin)
        assert answer.status_code < 500

    sent()


@pytest.mark.parametrize("forge", sorted(EVENTS))
def test_no_webhook_makes_the_door_fall_over(client, house, forge):
    fields = st.sampled_from(
        ["project", "repository", "ref", "after", "before", "object_kind", "updates", "push", "changes"]
    )

    @MUCH
    @given(
        st.binary(max_size=200) | (JSON | st.dictionaries(fields, JSON)).map(lambda v: json.dumps(v).encode())
    )
    def sent(body: bytes) -> None:
        headers = SIGNED | EVENTS[forge] | proof(forge, body)
        for kind in ("application/json", FORM):
            answer = client.post(f"/hooks/{forge}", data=body, headers=headers, content_type=kind)
            assert 400 <= answer.status_code < 500

    sent()
    assert house.ports.runs.runs() == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/services/%00",
        "/api/v1/services/..%2f..%2fetc",
        "/%ff%fe",
        "/api/v1/runs/%D9%A3",
        "/" + "a" * 9000,
    ],
)
def test_odd_paths_are_just_not_found(client, admin, path):
    assert client.get(path, headers=admin).status_code in (400, 404)
