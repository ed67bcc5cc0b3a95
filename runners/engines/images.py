"""Images on an engine: pulled by digest, listed, and removed when no release needs them. Never touches other people's."""

from collections.abc import Iterable, Sequence
from typing import Any

import docker
import docker.errors

from pipeline.errors import Rejected, RunnerError, Unreachable
from pipeline.fleet.host import Host, RegistryAccess
from runners.engine_errors import refused, speaking, words
from runners.engines.labels import SERVICE
from runners.engines.marks import HOME, another, ids, mark
from runners.registries import auth_config

LOOKED_AT = 200  # images, the newest first; one takes about a millisecond
_FOR_GOOD = (
    "not found",
    "unknown",
    "denied",
    "unauthorized",
    "no basic auth",
    "invalid reference",
    "no matching manifest",
)


def pull(
    client: docker.APIClient,
    host: Host,
    image: str,
    access: RegistryAccess | None,
    installation: str = "",
) -> None:
    """Already there: no registry is asked, so that going back never needs one. What we brought gets our mark."""
    deed = f"pull {image}"
    with speaking(host, deed):
        if _there(client, image):
            return
        before = ids(client)
    digest = _brought(client, host, image, access)
    with speaking(host, deed):
        if client.inspect_image(image)["Id"] not in before:  # type: ignore[no-untyped-call]
            mark(client, image, digest, installation)


def _brought(client: docker.APIClient, host: Host, image: str, access: RegistryAccess | None) -> str:
    """Its digest, or tag."""
    deed, failure = f"pull {image}", ""
    repository, _, digest = image.partition("@")
    if not digest:
        repository, _, digest = (
            image.rpartition(":") if ":" in image.rsplit("/", 1)[-1] else (image, "", "latest")
        )
    try:
        with speaking(host, deed):
            for line in client.pull(
                repository, tag=digest, stream=True, decode=True, auth_config=_auth(image, access)
            ):
                failure = str(line.get("error", "")) or failure
            if not failure and not _there(client, image):
                failure = "the pull ended without an error, but the image is not there"
    except RunnerError as error:
        if not isinstance(error.__cause__, docker.errors.APIError):
            raise
        failure = words(error.__cause__)
    if failure:
        raise _failed(host, deed, failure)
    return digest


def digests(client: docker.APIClient) -> frozenset[str]:
    """`repository@digest` of each image here that came from a registry or went to one."""
    return frozenset(digest for image in client.images() for digest in image["RepoDigests"] or [])


def missing_bytes(client: docker.APIClient, layers: Sequence[tuple[str, int]]) -> int | None:
    """Of an image's layers (id, compressed size), what a pull would bring: all after the longest beginning that an image
    here has in common with it. None when it has no layers, since it is gone."""
    wanted = [layer for layer, _ in layers]
    common = 0
    for found in client.images(quiet=True)[:LOOKED_AT]:
        theirs = client.inspect_image(found)["RootFS"].get("Layers") or []  # type: ignore[no-untyped-call]
        common = max(common, _alike(wanted, theirs))
    return sum(size for _, size in layers[common:]) if layers else None


def _alike(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many they have in common from the bottom up."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((n for n, (mine, other) in pairs if mine != other), min(len(ours), len(theirs)))


def remove_unused(
    client: docker.APIClient, service: str, keep: Sequence[str], installation: str = ""
) -> None:
    """Only from repositories `…/service` that `keep` names: others may be another service's, or not ours at all."""
    repositories = {image.partition("@")[0] for image in keep}
    used = {container["ImageID"] for container in client.containers(all=True)}
    for image in client.images():
        if image["Id"] in used or another(image, installation):
            continue
        names = image["RepoDigests"] or []
        if any(name in keep for name in names):
            continue
        _remove(client, _references(image, names, service, repositories))
    for image in client.images(filters={"dangling": True, "label": f"{SERVICE}={service}"}):
        if image["Id"] not in used and not any(digest in keep for digest in image["RepoDigests"] or []):
            _remove(client, [image["Id"]])


def _references(
    image: dict[str, Any], names: Iterable[str], service: str, repositories: set[str]
) -> list[str]:
    mine = [name for name in names if _is_of(name, service) and name.partition("@")[0] in repositories]
    if not mine:
        return []
    tags = [
        tag
        for tag in image["RepoTags"] or []
        if tag.rpartition(":")[0] in repositories or tag.startswith(HOME)
    ]
    return [*tags, *mine]


def _remove(client: docker.APIClient, references: Iterable[str]) -> None:
    for reference in references:
        try:
            client.remove_image(reference)
        except docker.errors.APIError as error:
            if error.status_code not in (404, 409):  # gone already, or in use since we looked
                raise


def _there(client: docker.APIClient, image: str) -> bool:
    try:
        client.inspect_image(image)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return False
    return True


def _auth(image: str, access: RegistryAccess | None) -> dict[str, str]:
    """Never None: docker-py would then read this machine's own docker configuration, and run its credential helpers. Goes
    with this one request; the engine keeps none of it."""
    ours = access is not None and image.startswith(f"{access.address}/")
    return auth_config(access) if access and ours else {}


def _failed(host: Host, deed: str, text: str) -> RunnerError:
    kind = refused(host, deed, text)
    if kind is not None:
        return kind
    if any(mark in text.lower() for mark in _FOR_GOOD) and "timeout" not in text.lower():
        return Rejected(
            f"Host {host.name}: could not {deed}: {text}. Check the image's name and the registry's login."
        )
    return Unreachable(
        f"Host {host.name}: could not {deed}: {text}. Check that the registry runs and is reachable there."
    )


def _is_of(digest: str, service: str) -> bool:
    repository = digest.partition("@")[0]
    return repository.rsplit("/", 1)[-1] == service and "/" in repository
