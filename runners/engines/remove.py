"""Removes a container, however it stands, and returns when it is gone. Absent is fine; so is another's removal under way."""

import time

import docker
import docker.errors

from runners.engine_errors import words

_PATIENCE = 15.0  # seconds for a removal that somebody else began
_PAUSE = 0.05


def remove(client: docker.APIClient, container: str) -> None:
    try:
        client.remove_container(container, v=True, force=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if "already in progress" not in words(error):
            raise
        _until_gone(client, container)


def _until_gone(client: docker.APIClient, container: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            client.inspect_container(container)
        except docker.errors.NotFound:
            return
        time.sleep(_PAUSE)
