"""Logins that `docker login` or a credential helper left on this machine."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BadConfig, Rejected
from pipeline.fleet.host import RegistryAccess
from runners.registries import auth_config
from runners.registries.docker_config import DockerConfig

ADDRESS = "r.example.com:5000"


@pytest.fixture
def access(tmp_path: Path) -> RegistryAccess:
    return RegistryAccess(ADDRESS, kind="docker", file=str(tmp_path / "config.json"))


def config(access: RegistryAccess, found: Any) -> None:
    Path(access.file).write_text(found if isinstance(found, str) else json.dumps(found))


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "docker-credential-vault"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    "name", [ADDRESS, f"https://{ADDRESS}", f"https://{ADDRESS}/v1/", f"https://{ADDRESS}/v2/"]
)
def test_a_login_of_the_file_is_used(access: RegistryAccess, name: str) -> None:
    config(access, {"auths": {"other": auth("eve", "no"), name: auth("ada", "p:w")}})

    assert auth_config(access) == {"username": "ada", "password": "p:w", "serveraddress": ADDRESS}


def test_docker_hub_has_a_name_of_its_own(access: RegistryAccess) -> None:
    config(access, {"auths": {"https://index.docker.io/v1/": auth("ada", "pw")}})

    assert DockerConfig().credentials(replace(access, address="docker.io")) == ("ada", "pw")


def test_a_helper_gets_the_address_on_its_input(
    access: RegistryAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(
        tmp_path,
        monkeypatch,
        """read -r address; printf '{"Username": "%s", "Secret": "%s"}' "$1" "$address" """,
    )
    config(access, {"credHelpers": {ADDRESS: "vault"}, "auths": {ADDRESS: auth("ada", "old")}})

    assert DockerConfig().credentials(access) == ("get", ADDRESS)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "echo 'credentials not found'; exit 1",
            "docker-credential-vault gave no login: credentials not found",
        ),
        ("echo nonsense", "an answer that is no login"),
        ("""echo '{"Username": "<token>", "Secret": "x"}'""", "an identity token"),
    ],
)
def test_a_helper_that_has_no_login_is_quoted(
    access: RegistryAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    helper(tmp_path, monkeypatch, script)
    config(access, {"credsStore": "vault"})

    with pytest.raises(Rejected, match=sentence):
        DockerConfig().credentials(access)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, f"has no login for {ADDRESS}. Run `docker login {ADDRESS}`"),
        ({"auths": {ADDRESS: {"auth": "%"}}}, "no base64"),
        ("no json", "cannot be read"),
        ("[]", "no configuration of Docker's"),
        ({"credsStore": "nobody-has-it"}, "docker-credential-nobody-has-it, which is not there"),
        ({"credsStore": "../../bin/sh"}, "no name of a credential helper"),
    ],
)
def test_a_file_without_a_login_says_what_to_do(access: RegistryAccess, found: Any, sentence: str) -> None:
    config(access, found)

    with pytest.raises(BadConfig) as raised:
        DockerConfig().credentials(access)

    assert sentence in str(raised.value)


def test_a_file_that_is_not_there_is_said(access: RegistryAccess) -> None:
    with pytest.raises(BadConfig, match=r"cannot be read.*registry\.auth\.file"):
        DockerConfig().credentials(access)
