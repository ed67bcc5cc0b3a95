"""Every error that a command can end with says what to type now."""

import inspect
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import click
import pytest

from pipeline import errors
from pipeline.cli import COMMANDS, shipway
from pipeline.commands.asked import Asked
from pipeline.commands.calling import KINDS
from pipeline.commands.ending import exit_code

KNOWN = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def raising(error: BaseException) -> None:
    raise error


def named(text: str) -> list[str]:
    """The commands that stand in backquotes."""
    return re.findall(r"`shipway ([a-z][a-z-]*)", text)


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_words_of_its_own_for_what_to_do(kind: type[errors.ShipwayError]) -> None:
    assert "now" in vars(kind)
    assert "`shipway " in kind.now
    assert set(named(kind.now)) <= set(COMMANDS)


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_an_error_ends_in_what_to_type(kind: type[errors.ShipwayError], capsys: Any) -> None:
    code = exit_code(lambda: raising(kind("The harbour is closed.")), Asked())

    said = capsys.readouterr().err
    assert code == kind.exit_code
    assert said == f"shipway: The harbour is closed.\n  → {kind.now}\n"


def test_a_message_that_names_a_command_is_left_alone(capsys: Any) -> None:
    exit_code(lambda: raising(errors.Conflict("Busy: `shipway follow 7` waits.")), Asked())

    assert capsys.readouterr().err == "shipway: Busy: `shipway follow 7` waits.\n"


def test_an_error_without_a_word_is_told_by_its_kind(capsys: Any) -> None:
    exit_code(lambda: raising(errors.DiskFull()), Asked())

    assert "No space left on the machine" in capsys.readouterr().err


def test_programs_are_told_it_too(capsys: Any) -> None:
    exit_code(lambda: raising(errors.Forbidden("No.")), Asked(json=True))

    said = json.loads(capsys.readouterr().out)
    assert said == {"error": "No.", "kind": "Forbidden", "exit_code": 4, "now": errors.Forbidden.now}


class Refusing(BaseHTTPRequestHandler):
    """Answers the status that stands in the query of the address."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()
        self.wfile.write(json.dumps({"detail": "Not today."}).encode())

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [*KINDS, 400, 418, 500])
@pytest.mark.parametrize(
    "words", ["status", "deploy shop production --release 1", "rollback shop production", "abort 7", "logs 3"]
)
def test_whatever_the_server_refuses_ends_in_a_command(
    status: int, words: str, refusing: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("SHIPWAY_URL", f"{refusing}/{status}")
    monkeypatch.setenv("SHIPWAY_TOKEN", "shw_x")

    code = exit_code(lambda: shipway.main(words.split(), standalone_mode=False, obj=Asked()), Asked())

    said = capsys.readouterr().err
    assert code == KINDS.get(status, errors.Refused if status < 500 else errors.ShipwayError).exit_code
    assert said.startswith("shipway: Not today.\n  → ")
    assert "`shipway " in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("word", "said"),
    [("rolback", "Did you mean `shipway rollback`?"), ("xyzzy", "`shipway --help` lists them.")],
)
def test_a_misspelt_command_is_told_with_the_nearest(word: str, said: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(said)):
        shipway.main([word], standalone_mode=False, obj=Asked())
