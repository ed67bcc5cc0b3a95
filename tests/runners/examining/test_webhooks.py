"""What `doctor` says of webhooks at GitHub and Gitea, which are read by their API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.fleet.service import Repository, Service
from pipeline.secret import Secret
from runners.examining.forges import look_at_secret, look_at_webhook

URL = "https://ship.example.com/hooks/github"
HOOK = {
    "active": True,
    "config": {"url": URL},
    "last_response": {"code": 200, "status": "active", "message": "OK"},
}


class Forge(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    hooks: ClassVar[list[Any]] = []
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(self.hooks).encode())

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def forge() -> Iterator[str]:
    Forge.status, Forge.hooks, Forge.asked = 200, [HOOK], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Forge) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def shop(forge: str, kind: str = "github") -> Service:
    return Service(
        "shop", Repository(f"{forge}/acme/shop.git", kind, "acme/shop", Secret("x"), token=Secret("tok"))
    )


@pytest.mark.parametrize(
    ("kind", "path", "login"),
    [
        ("github", "/api/v3/repos/acme/shop/hooks", "Bearer tok"),
        ("gitea", "/api/v1/repos/acme/shop/hooks", "token tok"),
    ],
)
def test_each_forge_is_asked_in_its_way(forge: str, kind: str, path: str, login: str):
    (finding,) = look_at_webhook(shop(forge, kind), URL)

    assert finding.level == "ok"
    assert Forge.asked == [(path, login)]


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ([], "has none that calls"),
        ([HOOK | {"config": {"url": "https://elsewhere.example.com"}}], "has none that calls"),
        ([HOOK | {"active": False}], "turned off"),
        ([HOOK | {"last_response": {"code": 502, "message": "Bad Gateway"}}], "went wrong: 502 Bad Gateway"),
    ],
)
def test_a_webhook_that_does_not_do_is_told_with_its_mend(forge: str, hooks: list[Any], said: str):
    Forge.hooks = hooks

    (finding,) = look_at_webhook(shop(forge), URL)

    assert (finding.level, said in finding.text) == ("warn", True)
    assert finding.mend


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_see_webhooks_says_nothing(forge: str, status: int):
    Forge.status = status

    assert look_at_webhook(shop(forge), URL) == []


@pytest.mark.parametrize(("status", "kind"), [(401, Rejected), (503, Unreachable)])
def test_a_token_that_is_wrong_and_a_forge_that_is_away_are_told(
    forge: str, status: int, kind: type[Exception]
):
    Forge.status = status

    with pytest.raises(kind, match=r"\."):
        look_at_webhook(shop(forge), URL)


def test_other_forges_are_not_asked(forge: str):
    assert look_at_webhook(shop(forge, "codeup"), URL) == []
    assert Forge.asked == []


@pytest.mark.parametrize(("secret", "poll", "level"), [("x", 0.0, "ok"), ("", 60.0, "ok"), ("", 0.0, "warn")])
def test_a_webhook_that_nobody_would_believe_is_told(secret: str, poll: float, level: str):
    service = Service("shop", Repository("https://x/y.git", secret=Secret(secret), poll=poll))

    (finding,) = look_at_secret(service, URL)

    assert finding.level == level
