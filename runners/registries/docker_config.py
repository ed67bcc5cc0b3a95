"""A login that `docker login` left on this machine: in a config.json, or with one of Docker's credential helpers.

https://docs.docker.com/reference/cli/docker/login/#credential-helpers. Read anew at each push and pull, so what a helper
renews is always fresh.
"""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.host import RegistryAccess

USUAL = "~/.docker/config.json"
HUB = "https://index.docker.io/v1/"
HELPER = re.compile(r"[a-z0-9][a-z0-9._-]*")
PATIENCE = 15  # seconds
TOKEN = "<token>"  # noqa: S105 (what a helper says in place of a user name when the secret is no password)


class DockerConfig:
    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        path = Path(access.file or USUAL).expanduser()
        config = _read(path)
        helper = (config.get("credHelpers") or {}).get(access.address) or config.get("credsStore")
        if helper:
            return _helped(str(helper), access)
        for name in _names(access.address):
            found = (config.get("auths") or {}).get(name) or {}
            username, _, password = _decoded(found.get("auth", ""), path).partition(":")
            if username:
                return username, password
        raise BadConfig(
            f"registry.auth: {path} has no login for {access.address}. Run `docker login {access.address}` as the user "
            "that Shipway runs as, or set registry.auth.file."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadConfig(
            f"registry.auth: {path} cannot be read: {error}. Correct registry.auth.file."
        ) from error
    if not isinstance(found, dict):
        raise BadConfig(f"registry.auth: {path} is no configuration of Docker's. Correct registry.auth.file.")
    return found


def _names(address: str) -> tuple[str, ...]:
    hub = (HUB,) if address in ("docker.io", "registry-1.docker.io", "index.docker.io") else ()
    return (address, f"https://{address}", f"https://{address}/v1/", f"https://{address}/v2/", *hub)


def _decoded(text: str, path: Path) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().rstrip("\0")
    except ValueError as error:
        raise BadConfig(
            f"registry.auth: a login in {path} is no base64. Run `docker login` again."
        ) from error


def _helped(helper: str, access: RegistryAccess) -> tuple[str, str]:
    if not HELPER.fullmatch(helper):
        raise BadConfig(f"registry.auth: {helper!r} is no name of a credential helper.")
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"],
            input=access.address,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise BadConfig(
            f"registry.auth: Docker's configuration names {program}, which is not there."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(
            f"Registry {access.address}: {program} gave no login within {PATIENCE} s."
        ) from error
    if done.returncode != 0:
        said = " ".join((done.stdout or done.stderr).split())[:200]
        raise Rejected(f"Registry {access.address}: {program} gave no login: {said or 'no words'}.")
    return _given(program, done.stdout, access)


def _given(program: str, text: str, access: RegistryAccess) -> tuple[str, str]:
    try:
        found = json.loads(text)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected(f"Registry {access.address}: {program} gave an answer that is no login.") from error
    if username == TOKEN:
        raise Rejected(
            f"Registry {access.address}: {program} gave an identity token; a user name and a password are needed."
        )
    return username, secret
