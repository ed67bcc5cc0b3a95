"""The API as commands see it: one answer for each call, and a call of a command against it."""

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import shipway
from pipeline.commands.asked import Asked
from pipeline.commands.calling import Api
from tests.commands.answers import ROUTES
from tests.commands.listed import Listed
from tests.parts.http_stand_in import Answering, listening


class Handler(Answering):
    bodies: ClassVar[list[tuple[str, Any]]] = []

    def do_GET(self) -> None:
        key = f"{self.command} {self.path.partition('?')[0].removeprefix('/api/v1')}"
        text = self.sent()
        self.bodies.append((key, json.loads(text) if text else None))
        self.answer(200 if key in ROUTES else 404, ROUTES.get(key, {"detail": f"nothing at {key}"}))

    do_POST = do_GET
    do_DELETE = do_GET


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    Handler.bodies = []
    with listening(Handler) as address:
        monkeypatch.setenv("SHIPWAY_URL", f"http://{address}")
        monkeypatch.setenv("SHIPWAY_TOKEN", "shw_x")
        yield lambda *words: CliRunner().invoke(shipway, list(words), obj=Asked())


@pytest.fixture
def server() -> Iterator[Api]:
    Listed.answers, Listed.asked = [], []
    with listening(Listed) as address:
        yield Api(f"http://{address}", "shw_secret")
