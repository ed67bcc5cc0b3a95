"""`pools` and `hosts plan`: what they ask for and what they say."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from tests.commands.answers import ROUTES
from tests.commands.conftest import Handler

MACHINE = {
    "id": 1,
    "name": "web-a1b2c3d4",
    "state": "ready",
    "instance": "i-1",
    "address": "10.0.0.1",
    "since": "2026-11-27T10:00:00Z",
    "wished_at": "2026-11-27T10:00:00Z",
    "ready_at": "2026-11-27T10:02:00Z",
    "release_at": None,
    "failed": False,
    "why": "2 are wanted",
    "error": "",
}
GONE = MACHINE | {"name": "web-e5f6a7b8", "state": "gone", "failed": True, "error": "QuotaExceed: no more"}
POOL = {
    "name": "web",
    "provider": "aliyun",
    "region": "cn-hangzhou",
    "type": "ecs.c7.large",
    "min": 1,
    "max": 8,
    "labels": {},
    "wanted": 2,
    "wanted_by": "scaling",
    "wanted_why": "evening",
    "wanted_at": "2026-11-27T10:00:00Z",
    "forced": False,
    "machines": [MACHINE, MACHINE | {"id": 2, "state": "leaving", "why": "1 is wanted"}],
    "past": [GONE],
}
STEP = {"does": "wish", "machine": "", "instance": "", "why": "2 are wanted by scaling, 1 there"}
HELD = "2 more wait until those that come are ready"
PLAN = {"pool": "web", "target": 4, "steps": [STEP], "held": HELD, "refused": True}
MORE: dict[str, Any] = {
    "GET /pools": {"pools": [POOL], "strangers": ["Pool old is not in shipway.yml any more."]},
    "POST /pools/plan": {"plans": [PLAN], "strangers": [], "forced": ["web"]},
    "POST /pools/web/want": POOL | {"wanted": 4},
}


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, answer in MORE.items():
        monkeypatch.setitem(ROUTES, key, answer)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["pools"],
            "web (aliyun cn-hangzhou ecs.c7.large): 1 of 2 wanted, by scaling: evening; 1 to 8 allowed",
        ),
        (["pools"], "web   web-a1b2c3d4  ready    i-1       10.0.0.1"),
        (["pools"], "web-e5f6a7b8 failed"),
        (["pools"], "QuotaExceed: no more"),
        (["pools"], "Pool old is not in shipway.yml any more."),
        (["pools", "want", "web", "4", "--why", "campaign"], "Pool web has 2 machines, and 4 are wanted."),
    ],
)
def test_a_command_says(words: list[str], said: str, call: Callable[..., Result]) -> None:
    result = call(*words)

    assert result.exception is None
    assert said in result.output


def test_a_plan_that_needs_force_ends_with_one(call: Callable[..., Result]) -> None:
    result = call("hosts", "plan", "--force")

    assert result.exit_code == 1
    assert "web   wish  –     2 are wanted by scaling, 1 there" in result.output
    assert f"web: {HELD}." in result.output
    assert "Forced: web." in result.output
    assert Handler.bodies[-1][1] == {"force": True}


def test_a_wish_carries_its_reason(call: Callable[..., Result]) -> None:
    call("pools", "want", "web", "4", "--why", "campaign", "--force")

    assert Handler.bodies[-1][1] == {"machines": 4, "why": "campaign", "force": True}
