"""`init`, `config`, `repo init`, `doctor`: what is done before anything runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import shipway as command_line

MINIMAL = """
server: {data: ./data, listen: "127.0.0.1:18999", url: "http://127.0.0.1:18999"}
registry: {address: "127.0.0.1:1", insecure: true}
builder: {engine: "unix:///nowhere/docker.sock"}
hosts: {web-1: {engine: "unix:///nowhere/docker.sock", address: 127.0.0.1}}
proxies: {front: {kind: nginx, image: "nginx:1.22"}}
services:
  shop:
    repository: {url: "https://git.example.com/acme/shop.git", forge: git, secret: hush-hush}
    environments: {production: {branches: [main], hosts: [web-1], proxy: front}}
"""


def shipway(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.cli", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("SHIPWAY_")},
        timeout=120,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "shipway.yml").write_text(MINIMAL)
    return tmp_path


def test_init_writes_both_files_and_never_overwrites(tmp_path: Path) -> None:
    first = shipway(tmp_path, "init", "new")
    (tmp_path / "new" / ".shipway.yml").unlink()
    second = shipway(tmp_path, "init", "new")

    assert first.returncode == 0
    assert (tmp_path / "new" / "shipway.yml").read_text().count("\n") > 20
    assert second.returncode == 6
    assert "new/shipway.yml is there already" in second.stderr
    assert not (tmp_path / "new" / ".shipway.yml").exists()


def test_check_counts_what_it_read(house: Path) -> None:
    assert shipway(house, "config", "check").stdout == (
        f"{house}/shipway.yml is good: 1 service, 1 environment, 1 host.\n"
    )


def test_check_tells_every_mistake_at_once_and_touches_nothing(house: Path) -> None:
    (house / "shipway.yml").write_text(MINIMAL.replace("branches", "branchs").replace("listen", "lisen"))

    done = shipway(house, "config", "check")

    assert done.returncode == 3
    assert "branchs" in done.stderr
    assert "lisen" in done.stderr
    assert not (house / "data").exists()


def test_schema_is_json_and_docs_name_every_section(house: Path) -> None:
    schema = json.loads(shipway(house, "config", "schema").stdout)
    docs = shipway(house, "config", "docs").stdout

    assert {"server", "services"} <= set(schema["properties"])
    assert all(f"`{section}." in docs for section in ("server", "registry", "builder"))


def test_repo_init_makes_a_repository_and_says_what_to_type(house: Path) -> None:
    done = shipway(house, "repo", "init", "blog")

    repository = house / "data" / "repositories" / "blog.git"
    hook = json.loads((repository / "hooks" / "shipway-hook.json").read_text())
    assert done.returncode == 0, done.stderr
    assert f"git remote add shipway {repository}" in done.stdout
    assert f'secret: "file:{house}/data/keys/hook-blog.secret"' in done.stdout
    assert hook["url"].startswith("http://127.0.0.1:18999")
    assert hook["project"] == "blog"


def test_repo_init_of_a_known_service_takes_its_project(house: Path) -> None:
    done = shipway(house, "--json", "repo", "init", "shop")

    assert json.loads(done.stdout)["project"] == "acme/shop"


@pytest.mark.parametrize("name", ["../etc", "a b", "-x", ""])
def test_repo_init_refuses_names_that_are_no_services(name: str, house: Path) -> None:
    assert shipway(house, "repo", "init", "--", name).returncode == 2
    assert not (house / "data").exists()


def test_doctor_says_what_is_wrong_with_each_part_and_what_to_do(house: Path) -> None:
    done = shipway(house, "doctor", "--json")

    found = {row["name"]: row for row in json.loads(done.stdout.partition("\n{")[0])}
    assert done.returncode == 10
    assert found["host web-1"]["level"] == "bad"
    assert found["repository of shop"]["level"] == "bad"
    assert found["registry"]["mend"].startswith("start it, or correct registry.address")
    assert found["proxy front"]["level"] == "warn"
    assert "1.27.4" in found["proxy front"]["mend"]
    assert found["server"]["level"] == "warn"
    assert found["webhook of shop"]["text"] == "http://127.0.0.1:18999/hooks/git, project acme/shop"
    assert {"git", "data folder", "database", "redis"} <= {
        n for n, row in found.items() if row["level"] == "ok"
    }
    assert not (house / "data").exists()


@pytest.mark.parametrize(
    "words", [("--config", "typed.yml", "config", "check"), ("config", "check", "--config", "typed.yml")]
)
def test_the_file_that_was_typed_is_meant_whatever_the_environment_says(house, monkeypatch, words):
    monkeypatch.setenv("SHIPWAY_CONFIG", str(house / "shipway.yml"))
    monkeypatch.chdir(house)

    answer = CliRunner().invoke(command_line, words)

    assert "There is no configuration at" in str(answer.exception)
    assert "typed.yml" in str(answer.exception)


def test_a_token_needs_no_name(house):
    made = [shipway(house, "token", "create", "--role", "deployer") for _ in range(2)]

    listed = json.loads(shipway(house, "--json", "token", "list").stdout)["tokens"]

    assert [one.returncode for one in made] == [0, 0]
    assert all(one.stdout.startswith("shw_") for one in made)
    assert [one["role"] for one in listed] == ["deployer", "deployer"]
    assert len({one["name"] for one in listed}) == 2
