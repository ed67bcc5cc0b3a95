"""Credentials for registries, by `registry.auth.kind`: one file a plugin, loaded when it is named.

Never pushes or pulls: the engines do that. Every registry has the one API of `distribution`.
"""

from importlib import import_module
from typing import Protocol, cast

from pipeline.errors import BadConfig
from pipeline.fleet.host import RegistryAccess
from runners.registries.distribution import Registry

PLUGINS = {
    "none": "distribution:Anonymous",
    "basic": "distribution:Basic",
    "docker": "docker_config:DockerConfig",
    "ecr": "ecr:Ecr",
    "acr": "acr:Acr",
}
EXTRAS = {"boto3": "aws", "aliyunsdkcore": "aliyun"}


class Login(Protocol):
    """How to log in at one kind of registry."""

    def credentials(self, access: RegistryAccess) -> tuple[str, str]:
        """User name and password for a push or a pull that starts now; empty ones mean anonymous."""


def login(kind: str) -> Login:
    """Raises `BadConfig` for a kind that is unknown, or whose SDK is not installed."""
    if kind not in PLUGINS:
        raise BadConfig(f"registry.auth.kind: {kind!r} is unknown. Known kinds: {', '.join(PLUGINS)}.")
    module, _, name = PLUGINS[kind].partition(":")
    try:
        return cast(Login, getattr(import_module(f"runners.registries.{module}"), name)())
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name).partition(".")[0])
        if extra is None:
            raise
        raise BadConfig(
            f"registry.auth.kind: {kind} needs {error.name}: pip install 'shipway[{extra}]'."
        ) from error


def registry_of(access: RegistryAccess) -> Registry:
    """Its API, for what the engines cannot say. Asks nothing yet."""
    return Registry(access, lambda: login(access.kind).credentials(access))


def auth_config(access: RegistryAccess) -> dict[str, str]:
    """What the engine's API takes as login; empty for anonymous."""
    username, password = login(access.kind).credentials(access)
    if not username:
        return {}
    return {"username": username, "password": password, "serveraddress": access.address}
