"""`status --watch`: what it shows when nobody looks at a terminal, and that it outlives a server that is restarted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.commands import watching
from pipeline.commands.asked import Asked
from pipeline.errors import Unreachable
from tests.commands.test_drawing import place


class Server:
    """Answers one look into the books after the other; the last one is Ctrl-C."""

    url = "http://ship"

    def __init__(self, *looks: Any) -> None:
        self.looks = list(looks)

    def get(self, path: str, **query: object) -> Any:
        if query.get("look"):
            return {"places": []}
        if not self.looks:
            raise KeyboardInterrupt
        look = self.looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return {"places": look}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., tuple[list[str], str]]:
    def run(*looks: Any, as_json: bool = False) -> tuple[list[str], str]:
        monkeypatch.setattr(watching, "EVERY", 0.0)
        monkeypatch.setattr(watching, "lively", lambda: False)
        monkeypatch.setattr(watching, "asked", lambda: Asked(json=as_json))
        server: Any = Server(*looks)
        watching.watch(server, "")
        said = capsys.readouterr()
        return said.out.splitlines(), said.err

    return run


def test_a_line_is_written_for_each_change_and_no_other(watched: Callable[..., Any]) -> None:
    calm, moved = place("well", "a"), place("well", "b")

    lines, _ = watched([calm, moved], [calm, moved], [calm, moved | {"live": 42}])

    assert [line.split()[:4] for line in lines] == [
        ["well", "a", "production", "41"],
        ["well", "b", "production", "41"],
        ["well", "b", "production", "42"],
    ]


def test_programs_get_a_document_a_line(watched: Callable[..., Any]) -> None:
    lines, _ = watched([place("well", "a")], as_json=True)

    assert json.loads(lines[0])["service"] == "a"


def test_a_server_that_is_restarted_is_waited_for(watched: Callable[..., Any]) -> None:
    lines, errors = watched([place("well", "a")], Unreachable("stopping"), [place("sick", "a")])

    assert [line.split()[0] for line in lines] == ["well", "sick"]
    assert "Shipway at http://ship does not answer" in errors


def test_on_a_terminal_the_last_picture_stays(
    watched: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(watching, "lively", lambda: True)
    monkeypatch.setattr(watching, "EVERY", 0.0)
    server: Any = Server([place("sick", "a")])

    watching.watch(server, "")

    assert "SICK" in capsys.readouterr().out
