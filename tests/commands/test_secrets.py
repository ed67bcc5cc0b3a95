"""`shipway secret`: on the books of this machine, with values from standard input alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import shipway
from runners.own_store import store_of
from runners.settings_source import load_settings

FILE = """
server: {data: data}
hosts: {web-1: {engine: "tcp://10.0.0.1:2375"}}
services:
  shop:
    repository: {url: "https://git.example.com/acme/shop.git", project: acme/shop}
    environments: {production: {branches: [main], hosts: [web-1], secrets: {DB_URL: "store:"}}}
"""
PLACE = ("--service", "shop", "--environment", "production")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SHIPWAY_URL", "SHIPWAY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shipway.yml").write_text(FILE)
    return tmp_path / "shipway.yml"


def said(config: Path, *words: str, given: str = "") -> Result:
    return CliRunner().invoke(shipway, ["secret", *words, "--config", str(config)], input=given)


def values(config: Path) -> dict[str, str]:
    from pipeline.stored_secret import Use

    store = store_of(load_settings(str(config)).server)
    found = store.secrets.values("shop", "production", Use.RUN)
    store.close()
    return {name: value.reveal() for name, value in found.items()}


def test_a_value_is_read_from_standard_input_without_its_last_newline(config: Path):
    result = said(config, "set", "DB_URL", *PLACE, given="hush\nhush\n")

    assert (result.exit_code, result.output) == (0, "DB_URL is kept for shop/production (run).\n")
    assert values(config) == {"DB_URL": "hush\nhush"}


def test_the_list_has_names_and_no_values(config: Path):
    said(config, "set", "DB_URL", *PLACE, given="hush")

    listed, machine = said(config, "list"), said(config, "list", "--json")

    assert [word in listed.output for word in ("DB_URL", "shop", "production", "run", "local")] == [True] * 5
    assert json.loads(machine.output)["secrets"][0]["name"] == "DB_URL"
    assert "hush" not in listed.output + machine.output


def test_a_removed_secret_is_gone(config: Path):
    said(config, "set", "DB_URL", *PLACE, given="hush")

    result = said(config, "remove", "DB_URL", *PLACE)

    assert result.output == "DB_URL of shop/production (run) is forgotten.\n"
    assert values(config) == {}


def test_after_a_rotation_values_are_the_same_and_the_key_is_not(config: Path):
    said(config, "set", "DB_URL", *PLACE, given="hush")
    key = (config.parent / "data" / "keys" / "seal.key").read_bytes()

    result = said(config, "rotate")

    assert result.output.startswith("1 rows are sealed with a new key")
    assert (config.parent / "data" / "keys" / "seal.key").read_bytes() != key
    assert values(config) == {"DB_URL": "hush"}


def test_a_value_among_the_words_is_refused_and_not_repeated(config: Path):
    result = said(config, "set", "DB_URL=hush", *PLACE, given="x")

    assert "Only the name goes here" in str(result.exception)
    assert "hush" not in str(result.exception) + result.output


def test_what_was_done_stands_in_the_audit(config: Path):
    said(config, "set", "DB_URL", *PLACE, given="hush")
    said(config, "rotate")

    store = store_of(load_settings(str(config)).server)
    entries = store.audit.entries()
    store.close()

    assert [(e["actor"], e["action"], e["target"]) for e in entries] == [
        ("local", "secret.rotate", "everything"),
        ("local", "secret.set", "secret DB_URL"),
    ]
    assert "hush" not in str(entries)
