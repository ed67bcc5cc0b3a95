"""A host's engine as a shelf: its images, and the containers with our labels. Never ends a container that runs.

All images are told, ours or not: the rule knows which are. Removing an image takes its names away, one after the other;
the engine deletes it with the last of them.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors

from pipeline.errors import Rejected
from pipeline.fleet.host import Host
from pipeline.retention.thing import Kind, Thing, Verdict
from runners.engine_errors import speaking, words
from runners.engines import labels as ours
from runners.engines import marks
from runners.engines.remove import remove
from runners.reach import USUAL, Reach

DEAD = ("created", "exited", "dead")
NONE = "<none>"


class HostShelf:
    """`images` False: another entry names the same engine, and lists them."""

    def __init__(
        self, host: Host, reach: Reach, installation: Callable[[], str], images: bool = True
    ) -> None:
        self._host = host
        self._reach = reach
        self._installation = installation
        self._images = images

    @property
    def disk(self) -> str:
        return self._host.name

    def things(self) -> list[Thing]:
        with speaking(self._host, "list what lies there"):
            client = self._reach.client(self._host, USUAL)
            containers: list[dict[str, Any]] = client.containers(all=True)
            found = [*self._of_containers(containers)]
            return [*found, *self._of_images(client, containers)] if self._images else found

    def remove(self, goer: Verdict) -> None:
        thing = goer.thing
        with speaking(self._host, f"remove {thing.label}"):
            client = self._reach.client(self._host, USUAL)
            if thing.kind is Kind.CONTAINER:
                remove_dead(client, self._host, thing)
            else:
                remove_image(client, self._host, goer)

    def _of_containers(self, containers: list[dict[str, Any]]) -> Iterator[Thing]:
        for container in containers:
            labels = container["Labels"] or {}
            if ours.SERVICE not in labels or ours.PROXY in labels or labels.get(ours.HOST) != self._host.name:
                continue
            yield container_thing(self._host.name, container, self._installation())

    def _of_images(self, client: docker.APIClient, containers: list[dict[str, Any]]) -> Iterator[Thing]:
        used = {str(container["ImageID"]) for container in containers}
        for image in client.images():
            yield image_thing(Kind.IMAGE, self._host.name, image, used, self._installation())


def container_thing(where: str, container: dict[str, Any], installation: str) -> Thing:
    labels = container["Labels"] or {}
    return Thing(
        Kind.CONTAINER,
        where,
        str(container["Id"]),
        str((container["Names"] or [container["Id"]])[0]).lstrip("/"),
        at=datetime.fromtimestamp(container["Created"], UTC),
        service=labels.get(ours.SERVICE, ""),
        environment=labels.get(ours.ENVIRONMENT, ""),
        release=ours.number(labels, ours.RELEASE),
        run=ours.number(labels, "shipway.run") if "shipway.part" in labels else 0,
        used=container["State"] not in DEAD,
        mine=bool(installation) and labels.get(ours.INSTALLATION) == installation,
        other=ours.stranger(labels, installation),
    )


def image_thing(kind: Kind, where: str, image: dict[str, Any], used: set[str], installation: str) -> Thing:
    tags = [tag for tag in image["RepoTags"] or [] if not tag.startswith(NONE)]
    digests = [name for name in image["RepoDigests"] or [] if not name.startswith(NONE)]
    named = [name for name in (*tags, *digests) if not name.startswith(marks.HOME)]
    labels = image["Labels"] or {}
    return Thing(
        kind,
        where,
        str(image["Id"]),
        (named or [str(image["Id"])])[0].replace("@sha256:", "@")[:90],
        size=int(image["Size"]),
        at=datetime.fromtimestamp(image["Created"], UTC),
        service=labels.get(ours.SERVICE, ""),
        run=ours.number(labels, "shipway.run"),
        references=(*tags, *digests),
        digests=frozenset(name.partition("@")[2] for name in digests),
        used=str(image["Id"]) in used,
        mine=installation in marks.installations(tags),
        other=marks.another(image, installation)
        or (ours.stranger(labels, installation) if kind is Kind.BUILD else ""),
    )


def remove_dead(client: docker.APIClient, host: Host, thing: Thing) -> None:
    """It may have been started since it was listed."""
    try:
        state = client.inspect_container(thing.name)["State"]["Status"]
    except docker.errors.NotFound:
        return
    if state not in DEAD:
        raise Rejected(f"Host {host.name}: {thing.label} runs again ({state}); left.")
    remove(client, thing.name)


def remove_image(client: docker.APIClient, host: Host, goer: Verdict) -> None:
    """Asked once more for containers: an image in use would lose its name and stay."""
    thing = goer.thing
    if any(container["ImageID"] == thing.name for container in client.containers(all=True)):
        raise Rejected(f"Host {host.name}: a container came to use {thing.label}; left.")
    for reference in goer.references or (thing.name,):
        try:
            client.remove_image(reference)
        except docker.errors.ImageNotFound:
            continue  # gone with the name before it, or by somebody else
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            raise Rejected(
                f"Host {host.name}: {thing.label} is still used there: {words(error)}; left."
            ) from error
