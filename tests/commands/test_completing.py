"""What the tab key offers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from click.testing import Result

from pipeline.cli import COMMANDS, shipway
from pipeline.commands.asked import Asked
from tests.commands.conftest import Handler

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def offered(words: str) -> list[str]:
    *before, begun = words.split(" ")
    found = ShellComplete(shipway, {"obj": Asked()}, "shipway", "_SHIPWAY_COMPLETE")
    return [item.value for item in found.get_completions(before, begun)]


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("ro", ["rollback"]),
        ("deploy ", ["shop"]),
        ("deploy x", []),
        ("deploy shop pr", ["production"]),
        ("deploy shop production --release ", ["2"]),
        ("rollback shop production --to ", ["2"]),
        ("status sh", ["shop"]),
        ("hosts drain web", ["web-1", "web-2"]),
        ("services move shop --from web-2", ["web-2"]),
        ("logs ", ["3"]),
        ("run show ", ["3"]),
        ("abort ", ["7"]),
        ("follow ", ["7"]),
        ("promote shop --from ", ["production"]),
        ("run can", ["cancel"]),
    ],
)
def test_the_tab_key_offers(words: str, names: list[str]) -> None:
    assert offered(words) == names


@pytest.mark.usefixtures("call")
def test_the_server_is_asked_once_in_ten_seconds_and_the_answer_is_nobody_elses(cache: Path) -> None:
    assert offered("deploy ") == offered("deploy ") == ["shop"]

    assert [key for key, _ in Handler.bodies] == ["GET /services"]
    assert (cache / "shipway").stat().st_mode & 0o077 == 0


def test_a_server_that_is_away_offers_nothing_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("SHIPWAY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SHIPWAY_TOKEN", "x")

    assert offered("deploy ") == []
    assert capfd.readouterr() == ("", "")


def test_nobody_who_says_where_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SHIPWAY_URL", "SHIPWAY_TOKEN", "SHIPWAY_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    assert offered("deploy ") == []


@pytest.mark.usefixtures("call")
def test_an_old_answer_is_better_than_none(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered("deploy ") == ["shop"]
    (kept,) = (cache / "shipway").iterdir()
    os.utime(kept, (time.time() - 3600,) * 2)
    monkeypatch.setattr("pipeline.commands.offering.PATIENCE", 0.0000001)

    assert offered("deploy ") == ["shop"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_gets_its_script(shell: str, call: Call) -> None:
    script = call("completion", shell).output

    assert "_SHIPWAY_COMPLETE" in script
    assert "shipway" in script


def test_bash_completes_by_the_script() -> None:
    words = {"COMP_WORDS": "shipway rollb", "COMP_CWORD": "1", "_SHIPWAY_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.cli"],
        env=os.environ | words,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "plain,rollback\n"


def test_every_command_that_help_shows_is_offered() -> None:
    assert offered("") == [name for name, (_, text) in COMMANDS.items() if text]
