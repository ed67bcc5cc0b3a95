"""Removes what one run left on the builder's engine, and what older runs of its service keep there too long.

Images hand their labels down to every container made from them, the live replicas among them: a container is only ours
when it also carries `shipway.part`, which no image has. What another Shipway made stays. Which runs' images stay as the
next build's cache is told, never concluded from their numbers: those of a database that was lost may be higher.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import docker.errors

from runners.builder.talking import Api
from runners.engines.labels import stranger

RUN, PART, SERVICE = "shipway.run", "shipway.part", "shipway.service"


def clear(api: Api, run_id: int, service: str, installation: str = "") -> None:
    """Containers and networks. The tests of one run never run twice at once, so what is there is left over."""
    filters = {"label": [*_labels(run_id, service), PART]}
    for container in _ours(api.containers(all=True, filters=filters), installation):
        _gone(api.remove_container, container["Id"], force=True, v=True)
    for network in _ours(api.networks(filters=filters), installation):
        _gone(api.remove_network, network["Id"])


def sweep(api: Api, run_id: int, service: str, keep: Collection[int] | None, installation: str) -> None:
    """Also images: those without a name, the one that was only built to be tested, and the service's old ones."""
    clear(api, run_id, service, installation)
    for image in _ours(api.images(filters={"label": _labels(run_id, service)}), installation):
        tags = _tags(image)
        for tag in tags:
            if tag.endswith(f":run-{run_id}-test"):
                _gone(api.remove_image, tag)
        if not tags:
            _gone(api.remove_image, image["Id"])
    if service and keep is not None:
        _retire(api, service, keep, installation)


def trim_cache(client: Any, limit: int) -> None:
    """What was used least goes first. `all`: internal records and frontends too, or the limit would not hold."""
    params = {"keep-storage": limit, "reserved-space": limit, "max-used-space": limit, "all": "1"}
    client._result(client._post(client._url("/build/prune"), params=params), True)


def _labels(run_id: int, service: str) -> list[str]:
    return [f"{RUN}={run_id}", *([f"{SERVICE}={service}"] if service else [])]


def _ours(found: Iterable[dict[str, Any]], installation: str) -> Iterator[dict[str, Any]]:
    return (one for one in found if not stranger(one.get("Labels") or {}, installation))


def _retire(api: Api, service: str, keep: Collection[int], installation: str) -> None:
    """Without force: what a container uses stays."""
    for image in _ours(api.images(filters={"label": [f"{SERVICE}={service}"]}), installation):
        for tag in _tags(image):
            number = _run(image, tag)
            if number and number not in keep:
                _gone(api.remove_image, tag)


def _tags(image: dict[str, Any]) -> list[str]:
    return [tag for tag in image.get("RepoTags") or [] if tag != "<none>:<none>"]


def _run(image: dict[str, Any], tag: str) -> int:
    """The run that made this image, 0 when the name is not one of ours."""
    number = str((image.get("Labels") or {}).get(RUN, ""))
    return int(number) if number.isdigit() and tag.endswith(f":run-{number}") else 0


def _gone(remove: Any, name: str, **options: Any) -> None:
    """Absent is fine, in use too: then it is not a leftover."""
    try:
        remove(name, **options)
    except docker.errors.APIError as error:
        if error.response is None or error.response.status_code not in (404, 409):
            raise
