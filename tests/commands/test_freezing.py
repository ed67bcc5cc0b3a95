"""`freeze`, and `--override`: what they ask for and what they say."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from tests.commands.answers import ROUTES, RUN
from tests.commands.conftest import Handler

FREEZE = {
    "id": 4,
    "service": "shop",
    "environment": "production",
    "since": "2026-11-27T10:00:00Z",
    "until": "2026-11-27T18:00:00Z",
    "why": "sale",
    "by": "ada",
}
HELD = RUN | {"id": 9, "status": "queued", "error": "", "held": "waits for the window that opens Mon"}
MORE = {
    "GET /freezes": {"timezone": "UTC", "freezes": [FREEZE, FREEZE | {"id": None, "by": "shipway.yml"}]},
    "POST /freezes": FREEZE,
    "DELETE /freezes/4": FREEZE,
    "GET /runs/9": HELD,
    "POST /runs/9/approve": {"run": 9, "status": "queued"},
    "POST /deployments/7/retry": {"deployment": 8},
}


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, answer in MORE.items():
        monkeypatch.setitem(ROUTES, key, answer)
    monkeypatch.setenv("TZ", "UTC")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["freeze", "set", "production", "--service", "shop", "--until", "18:00"],
            "Freeze 4: shop on production",
        ),
        (
            ["freeze", "set", "production", "--until", "18:00"],
            "every service on production takes no deployment",
        ),
        (["freeze", "list"], "4       shop     production   Fri 2026-11-27 10:00"),
        (["freeze", "list"], "shipway.yml  sale"),
        (["freeze", "lift", "4"], "Freeze 4 of production is lifted."),
        (
            ["run", "show", "9"],
            "It waits for the window that opens Mon. Now: shipway run approve 9 --override",
        ),
    ],
)
def test_a_command_says(words: list[str], said: str, call: Callable[..., Result]) -> None:
    result = call(*words)

    assert result.exception is None
    assert said in result.output


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (
            "freeze set production --until 18:00 --why sale",
            {"environment": "production", "service": "", "until": "18:00", "since": "", "why": "sale"},
        ),
        ("deploy shop production --release 1 --override --no-wait", {"release": 1, "override": True}),
        (
            "promote shop --from test --to production --override --no-wait",
            {"from": "test", "override": True},
        ),
        ("run approve 9 --override --no-wait", {"override": True}),
        ("run approve 9 --override --reason fix --no-wait", {"override": True, "reason": "fix"}),
        ("run approve 9 --no-wait", {}),
        ("deployment retry 7 --override --no-wait", {"override": True}),
    ],
)
def test_a_command_asks_for(words: str, body: dict[str, Any], call: Callable[..., Result]) -> None:
    call(*words.split())

    assert Handler.bodies[-1][1] == body


def test_a_reason_goes_with_an_override(call: Callable[..., Result]) -> None:
    result = call("run", "approve", "9", "--reason", "fix")

    assert "give it with --override" in result.output
    assert Handler.bodies == []


def test_a_ref_is_not_built_by_override(call: Callable[..., Result]) -> None:
    result = call("deploy", "shop", "production", "--ref", "main", "--override")

    assert "shipway run approve RUN --override" in result.output
    assert Handler.bodies == []
