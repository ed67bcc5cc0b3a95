"""`shipway user`: on the books of this machine, with passwords from standard input alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import shipway
from pipeline.errors import BadSignature
from pipeline.secret import Secret
from runners.own_store import store_of
from runners.settings_source import load_settings
from runners.store import Store

PASSWORD = "correct horse battery staple"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "shipway.yml").write_text("server: {data: data}\n")
    return tmp_path / "shipway.yml"


@pytest.fixture
def store(config: Path) -> Store:
    store = store_of(load_settings(str(config)).server)
    yield store
    store.close()


def said(config: Path, *words: str, given: str = "") -> Result:
    return CliRunner().invoke(shipway, ["user", *words, "--config", str(config)], input=given)


def test_a_user_is_made_with_a_password_from_standard_input(config: Path, store: Store):
    result = said(
        config, "create", "ada", "--role", "deployer", "--scope", "shop/test", given=PASSWORD + "\n"
    )

    assert (result.exit_code, result.output) == (0, "ada may sign in as deployer.\n")
    assert store.users.prove("ada", Secret(PASSWORD), "").scopes == ("shop/test",)
    assert store.audit.entries()[0]["action"] == "user.create"


def test_the_list_has_roles_and_no_passwords(config: Path):
    said(config, "create", "ada", given=PASSWORD)

    listed, machine = said(config, "list"), said(config, "list", "--json")

    assert [word in listed.output for word in ("ada", "viewer", "everywhere", "local", "never")] == [True] * 5
    assert json.loads(machine.output)["users"][0]["name"] == "ada"
    assert "argon2" not in listed.output + machine.output


def test_a_user_who_is_disabled_comes_in_again_when_enabled(config: Path, store: Store):
    said(config, "create", "ada", given=PASSWORD)

    disabled = said(config, "disable", "ada")

    assert disabled.output == "ada is disabled and signed out.\n"
    with pytest.raises(BadSignature):
        store.users.prove("ada", Secret(PASSWORD), "")
    assert said(config, "enable", "ada").exit_code == 0
    assert store.users.prove("ada", Secret(PASSWORD), "").name == "ada"


def test_a_new_password_takes_the_place_of_the_old(config: Path, store: Store):
    said(config, "create", "ada", given=PASSWORD)

    assert said(config, "password", "ada", given="another good sentence\n").exit_code == 0
    assert store.users.prove("ada", Secret("another good sentence"), "").name == "ada"


def test_a_weak_password_and_an_unknown_user_are_refused(config: Path):
    assert "shorter than 10" in str(said(config, "create", "ada", given="short").exception)
    assert "no user" in str(said(config, "disable", "nobody").exception)
