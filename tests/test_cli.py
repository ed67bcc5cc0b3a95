"""The command: what it loads, how it ends, and that each of its words is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipeline import __version__, errors
from pipeline.cli import COMMANDS, shipway
from pipeline.commands.asked import Asked
from pipeline.commands.ending import exit_code
from pipeline.commands.explaining import exit_code_table

HEAVY = ("sqlalchemy", "docker", "flask", "rq", "redis", "yaml", "pydantic", "rich", "requests", "git")


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return {line.partition(".")[0] for line in done.stdout.splitlines()}


def called(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SHIPWAY_")} | environ
    return subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def test_what_a_command_imported_is_never_looked_through_for_garbage() -> None:
    script = "import gc\nfrom pipeline.cli import load\nload('up')\nprint(gc.get_freeze_count(), len(gc.get_objects()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    frozen, looked_through = (int(word) for word in done.stdout.split())
    assert looked_through < frozen / 50


def test_a_token_is_made_without_what_server_and_workers_need(tmp_path: Path) -> None:
    file = tmp_path / "shipway.yml"
    file.write_text(f"server: {{data: {tmp_path}/data}}\nservices: {{}}\n")
    words = ["--config", str(file), "token", "create", "mia"]

    loaded = loaded_after(
        f"from pipeline.cli import shipway\ntry:\n    shipway.main({words})\nexcept SystemExit:\n    pass"
    )

    assert "sqlalchemy" in loaded
    assert loaded & {"alembic", "boto3", "docker", "flask", "jinja2", "redis", "rq", "uvicorn"} == set()


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_after(
        "from pipeline.cli import shipway\ntry:\n    shipway.main(['--help'])\nexcept SystemExit:\n    pass"
    )

    assert loaded & set(HEAVY) == set()


@pytest.mark.parametrize(
    "module", ["runs", "logs", "deploying", "deployments", "looking", "tokens", "pruning"]
)
def test_a_command_that_only_calls_the_api_loads_nothing_heavy(module: str) -> None:
    assert loaded_after(f"import pipeline.commands.{module}") & set(HEAVY) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_explains_itself(name: str) -> None:
    with click.Context(shipway) as context:
        command = shipway.get_command(context, name)

    assert command is not None
    assert command.help
    assert command.name == name or name == "help"


def leaves(
    command: click.Command, words: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        return [(words, command)]
    return [leaf for name, child in command.commands.items() for leaf in leaves(child, (*words, name))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_config_and_json(name: str) -> None:
    with click.Context(shipway) as context:
        found = leaves(shipway.get_command(context, name) or click.Command("none"), (name,))

    for words, command in found:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--config", "--json"} <= options, words


@pytest.mark.parametrize(
    "words", [("--config", "{}", "config", "check"), ("config", "check", "--config", "{}")]
)
def test_config_may_be_named_before_and_after_the_command(words: tuple[str, ...], tmp_path: Path) -> None:
    done = called(*(word.format(tmp_path / "missing.yml") for word in words))

    assert done.returncode == 3
    assert done.stderr.startswith(f"shipway: There is no configuration at {tmp_path}/missing.yml.")


def test_config_may_be_named_by_the_environment(tmp_path: Path) -> None:
    done = called("config", "check", SHIPWAY_CONFIG=str(tmp_path / "missing.yml"))

    assert f"{tmp_path}/missing.yml" in done.stderr


def test_an_error_is_json_too_when_asked_for(tmp_path: Path) -> None:
    done = called("config", "check", "--json", "--config", str(tmp_path / "missing.yml"))

    assert json.loads(done.stdout)["kind"] == "BadConfig"
    assert json.loads(done.stdout)["exit_code"] == 3


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    done = called("rolback")

    assert done.returncode == 2
    assert "No such command 'rolback'" in done.stderr


def test_a_server_that_is_not_there_is_one_sentence_that_says_what_to_type() -> None:
    done = called("status", SHIPWAY_URL="http://127.0.0.1:1", SHIPWAY_TOKEN="x")

    assert done.returncode == 10
    assert done.stderr.count("\n") == 1
    assert "Shipway at http://127.0.0.1:1 does not answer" in done.stderr
    assert "`shipway up`" in done.stderr


def test_nobody_who_says_where_is_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.cli", "status"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("SHIPWAY_")},
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    assert "Where is Shipway?" in done.stderr


def test_the_version_is_told() -> None:
    assert called("version").stdout == f"shipway {__version__}\n"
    assert json.loads(called("version", "--json").stdout) == {"version": __version__}


# ------------------------------------------------------------------------------------------------ ending


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("no"), 5),
        (errors.RolloutFailed("no"), 8),
        (errors.DiskFull("no"), 10),
        (click.UsageError("no"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(lambda: raising(error), Asked()) == code


def test_what_nobody_expected_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: 1 / 0, Asked())


def test_help_on_exit_codes_knows_every_error() -> None:
    table = exit_code_table()

    def kinds(kind: type[errors.ShipwayError]) -> list[type[errors.ShipwayError]]:
        return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]

    assert {kind.exit_code for kind in kinds(errors.ShipwayError)} <= set(table)
    assert all(table.values())


# ------------------------------------------------------------------------------------------------ its page

PAGE = (Path(__file__).parents[1] / "docs" / "command.md").read_text()


@pytest.mark.parametrize("name", [name for name, (_, text) in COMMANDS.items() if text])
def test_the_page_says_of_a_command_what_help_says(name: str) -> None:
    assert f"| `{name}` | {COMMANDS[name][1]} |" in PAGE


def test_the_page_has_every_exit_code() -> None:
    assert "\n".join(f"| {code} | {meaning} |" for code, meaning in exit_code_table().items()) in PAGE
