"""Pushes one image and reads its digest from the push's own answer.

A registry asked later may answer with another digest (an older manifest format), and the SDK's push raises nothing:
so the stream itself is read, for errors and for the digest. Never asks the registry anything.
"""

from collections.abc import Callable

import docker.errors

from pipeline.errors import DiskFull, Rejected, RunnerError, Unreachable
from pipeline.fleet.host import RegistryAccess
from runners.builder.building import minutes
from runners.builder.pulling import FULL, auth_header, split
from runners.builder.talking import Api, Guard, converse

TIMEOUT = 1800.0  # seconds
REFUSED = ("unauthorized", "denied", "forbidden", "authentication required", "no basic auth", "401", "403")


def push(
    api: Api,
    tag: str,
    repository: str,
    access: RegistryAccess,
    log: Callable[[str], None],
    stop: Callable[[], bool],
) -> str:
    """`repository@sha256:…`."""
    name, version = split(tag)
    reference = f"{repository}:{version}"
    late = (
        f"The push of {reference} did not end within {minutes(TIMEOUT)} and was stopped. "
        "Look whether its registry answers the builder's engine, and how large the image is."
    )
    with Guard(stop, TIMEOUT, late, Unreachable) as guard:
        guard.check()
        if name != repository:
            api.tag(tag, repository, version, force=True)
        log(f"Pushing {reference}.\n")
        digest = _follow(api, repository, version, access, guard, log)
    if not digest:
        raise RunnerError(f"The engine pushed {reference} but told no digest. Update the builder's engine.")
    log(f"Pushed {repository}@{digest}\n")
    return f"{repository}@{digest}"


def _follow(
    api: Api,
    repository: str,
    version: str,
    access: RegistryAccess,
    guard: Guard,
    log: Callable[[str], None],
) -> str:
    digest, told = "", set[tuple[str, str]]()
    headers = auth_header(f"{repository}:{version}", access)
    path = f"/images/{repository}/push"
    try:
        for said in converse(api, path, guard, {"tag": version}, headers):
            if "error" in said:
                raise _failure(repository, str(said["error"]))
            aux = said.get("aux")
            if isinstance(aux, dict):
                digest = str(aux.get("Digest", "")) or digest
            line = (str(said.get("id", "")), str(said.get("status", "")))
            if line[0] and line[1] in ("Pushed", "Layer already exists", "Mounted from") and line not in told:
                told.add(line)
                log(f"{line[0]}: {line[1]}\n")
    except docker.errors.APIError as error:
        raise _failure(repository, str(error.explanation or error)) from error
    return digest


def _failure(repository: str, said: str) -> RunnerError:
    said = " ".join(said.split())[:600]
    if FULL.search(said):
        return DiskFull(f"The push to {repository} found no space left: {said}.")
    if any(mark in said.lower() for mark in REFUSED):
        return Rejected(
            f"The registry refused the push to {repository}: {said}. Check registry.auth and who may write there."
        )
    return Unreachable(f"The registry of {repository} does not take the push: {said}.")
