"""Brings images that a build or a test needs onto the builder's engine, when they are not there yet.

BuildKit without a session has no credentials and ignores the engine's list of insecure registries, so bases are pulled
before it starts. Never pulls again what is there.
"""

import base64
import json
import re
from collections.abc import Callable

import docker.errors

from pipeline.errors import DiskFull, Rejected, RunnerError, Unreachable
from pipeline.fleet.host import RegistryAccess
from runners.builder.talking import Api, Guard, converse
from runners.registries import auth_config

NETWORK = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|connection reset|TLS handshake|network is unreachable"
    r"|gave HTTP response to HTTPS|Service Unavailable|Bad Gateway|Gateway Time|toomanyrequests|unexpected EOF"
    r"|Client\.Timeout|context deadline exceeded|server misbehaving|status: 5\d\d|received unexpected HTTP status",
    re.IGNORECASE,
)
FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def present(api: Api, image: str) -> bool:
    try:
        api.inspect_image(image)
    except docker.errors.NotFound:
        return False
    return True


def pull(api: Api, image: str, access: RegistryAccess, guard: Guard, log: Callable[[str], None]) -> None:
    """Raises `Unreachable`, `Rejected` or `DiskFull`."""
    name, tag = split(image)
    log(f"Pulling {image}.\n")
    params = {"fromImage": name, "tag": tag}
    try:
        for said in converse(api, "/images/create", guard, params, auth_header(image, access)):
            if "error" in said:
                raise trouble(f"{image} cannot be pulled", str(said["error"]))
    except docker.errors.APIError as error:
        raise trouble(f"{image} cannot be pulled", str(error.explanation or error)) from error


def split(image: str) -> tuple[str, str]:
    """(name, tag or digest); `latest` when neither is given."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")


def auth_header(image: str, access: RegistryAccess) -> dict[str, str]:
    """The credentials only go to the registry they belong to."""
    ours = bool(access.address) and image.startswith(f"{access.address}/")
    login = auth_config(access) if ours else {}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}


def trouble(what: str, said: str) -> RunnerError:
    said = " ".join(said.split())[:600]
    if FULL.search(said):
        return DiskFull(
            f"{what}: the builder's engine has no space left ({said}). Try `docker system prune` there."
        )
    if NETWORK.search(said):
        return Unreachable(f"{what}: its registry does not answer ({said}).")
    return Rejected(f"{what}: {said}. Check its name, and registry.auth when it is private.")
