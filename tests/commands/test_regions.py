"""`regions`: what its commands ask for and what they say."""

from collections.abc import Callable

import pytest
from click.testing import Result

from tests.commands.answers import ROUTES

CHANGE = {
    "id": 1,
    "what": "park hz",
    "by": "mia",
    "at": "2026-11-27T10:00:00Z",
    "settled_at": "2026-11-27T10:00:05Z",
    "known_until": "2026-11-27T10:01:05Z",
}
HZ = {"name": "hz", "address": "203.0.113.10", "line": "", "share": 60, "state": "parked", "why": "cables",
      "by": "mia", "bad": 0, "good": 9, "seen_at": None, "since": "2026-11-27T10:00:00Z"}  # fmt: skip
SHOP = {
    "name": "shop",
    "domain": "shop.example.com",
    "provider": "alidns",
    "ttl": 60,
    "regions": [HZ],
    "changes": [CHANGE],
}
PLAN = {"entrance": "shop", "steps": ["park hz: 203.0.113.10, share 60 -> 0"], "changes": 1, "refused": ""}
MORE = {
    "GET /entrances": {"entrances": [SHOP]},
    "GET /entrances/shop": SHOP,
    "GET /entrances/shop/plan": PLAN | {"refused": "Entrance shop: too much."},
    "POST /entrances/shop/apply": PLAN,
    "POST /regions/hz/park": {"entrances": ["shop"]},
    "POST /regions/hz/unpark": {"entrances": ["shop"]},
}


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, answer in MORE.items():
        monkeypatch.setitem(ROUTES, key, answer)
    monkeypatch.setenv("TZ", "UTC")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["regions"], "mia cables"),
        (["regions", "status"], "shop      shop.example.com  hz      203.0.113.10  0 of 60  parked"),
        (["regions", "plan"], "refused: Entrance shop: too much."),
        (
            ["regions", "plan", "--entrance", "shop"],
            "shop: 1 change\n  park hz: 203.0.113.10, share 60 -> 0",
        ),
        (["regions", "apply"], "The last resolver may say the old until 10:01:05 UTC."),
        (
            ["regions", "park", "hz", "--reason", "cables"],
            "hz is parked in shop. `shipway regions unpark hz` ends it.",
        ),
        (["regions", "park", "hz"], "The last resolver may say the old until 10:01:05 UTC."),
        (["regions", "unpark", "hz", "--no-wait"], "hz has its share again in shop"),
    ],
)
def test_a_command_says(words: list[str], said: str, call: Callable[..., Result]) -> None:
    result = call(*words)

    assert result.exit_code == 0, result.output
    assert said in result.output
