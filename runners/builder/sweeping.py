"""Removes what one run left on the builder's engine, and what older runs of its service keep there too long.

Images hand their labels down to every container made from them, the live replicas among them: a container is only ours
when it also carries `shipway.part`, which no image has. Named images of finished runs stay as the next build's cache,
the newest few of each service.
"""

from typing import Any

import docker.errors

from runners.builder.talking import Api

RUN, PART, SERVICE = "shipway.run", "shipway.part", "shipway.service"
KEPT = 5  # images of a service


def clear(api: Api, run_id: int, service: str) -> None:
    """Containers and networks. The tests of one run never run twice at once, so what is there is left over."""
    filters = {"label": [*_labels(run_id, service), PART]}
    for container in api.containers(all=True, filters=filters):
        _gone(api.remove_container, container["Id"], force=True, v=True)
    for network in api.networks(filters=filters):
        _gone(api.remove_network, network["Id"])


def sweep(api: Api, run_id: int, service: str) -> None:
    """Also images: those without a name, and the one that was only built to be tested."""
    clear(api, run_id, service)
    services = set()
    for image in api.images(filters={"label": _labels(run_id, service)}):
        services.add((image.get("Labels") or {}).get(SERVICE, ""))
        tags = [tag for tag in image.get("RepoTags") or [] if tag != "<none>:<none>"]
        for tag in tags:
            if tag.endswith(f":run-{run_id}-test"):
                _gone(api.remove_image, tag)
        if not tags:
            _gone(api.remove_image, image["Id"])
    for name in services - {""}:
        _retire(api, name)


def trim_cache(client: Any, limit: int) -> None:
    """What was used least goes first. `all`: internal records and frontends too, or the limit would not hold."""
    params = {"keep-storage": limit, "reserved-space": limit, "max-used-space": limit, "all": "1"}
    client._result(client._post(client._url("/build/prune"), params=params), True)


def _labels(run_id: int, service: str) -> list[str]:
    return [f"{RUN}={run_id}", *([f"{SERVICE}={service}"] if service else [])]


def _retire(api: Api, service: str) -> None:
    """Without force: what a container uses stays."""
    images = api.images(filters={"label": [f"{SERVICE}={service}"]})
    numbered = sorted(
        (
            (number, tag)
            for image in images
            for tag in image.get("RepoTags") or []
            if (number := _run(image, tag))
        ),
        reverse=True,
    )
    newest = sorted({number for number, _ in numbered}, reverse=True)[:KEPT]
    for number, tag in numbered:
        if number not in newest:
            _gone(api.remove_image, tag)


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
