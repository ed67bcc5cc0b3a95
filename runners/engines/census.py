"""What runs on a host, of all services at once, read from labels and containers: for books that were restored."""

from typing import Any

import docker
import docker.errors

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from pipeline.recovery.remains import Found, Remains
from pipeline.rollout.release import RuntimeSpec
from runners.engine_errors import speaking
from runners.engines.labels import (
    COMMIT,
    DEPLOYMENT,
    ENVIRONMENT,
    HOST,
    RELEASE,
    REPLICA,
    SERVICE,
    number,
    stranger,
)
from runners.engines.look import address_of
from runners.reach import USUAL, Reach

OWN = (
    "PORT=",
    "SHIPWAY_SERVICE=",
    "SHIPWAY_ENVIRONMENT=",
    "SHIPWAY_RELEASE=",
    "SHIPWAY_COMMIT=",
)  # variables that every replica gets
ADMITTED = ("always", "unless-stopped")


class EngineCensus:
    """Implements `pipeline.recovery.remains.Census`."""

    def __init__(self, reach: Reach, installation: Any = lambda: "") -> None:
        self._reach = reach
        self._installation = installation

    def remains(self, host: Host) -> Remains:
        try:
            client = self._reach.client(host, USUAL)
            with speaking(host, "look what runs there"):
                listed = client.containers(filters={"label": [f"{HOST}={host.name}", REPLICA]})
                mine = [c for c in listed if not stranger(c["Labels"] or {}, self._installation())]
                found = [_found(client, host, container["Id"]) for container in mine]
        except RunnerError as error:
            return Remains(host.name, error=str(error))
        return Remains(host.name, tuple(one for one in found if one is not None))


def _found(client: docker.APIClient, host: Host, container: str) -> Found | None:
    """None: it ended since it was listed."""
    try:
        seen = client.inspect_container(container)
        image = client.inspect_image(seen["Image"])["Config"]  # type: ignore[no-untyped-call]
    except docker.errors.NotFound:
        return None
    labels = seen["Config"]["Labels"]
    if seen["State"]["Status"] != "running":
        return None
    return Found(
        host=host.name,
        service=labels[SERVICE],
        environment=labels[ENVIRONMENT],
        release=number(labels, RELEASE),
        image=str(seen["Config"]["Image"]),
        index=number(labels, REPLICA),
        commit=labels.get(COMMIT, ""),
        deployment=number(labels, DEPLOYMENT),
        address=address_of(seen["HostConfig"]["PortBindings"] or {}),
        admitted=seen["HostConfig"]["RestartPolicy"]["Name"] in ADMITTED,
        spec=_spec(seen, image or {}),
    )


def _spec(seen: dict[str, Any], image: dict[str, Any]) -> RuntimeSpec:
    config, limits = seen["Config"], seen["HostConfig"]
    command = config.get("Cmd") or []
    inherited = set(image.get("Env") or [])
    given = (pair for pair in config.get("Env") or [] if pair not in inherited)
    variables = dict(pair.partition("=")[::2] for pair in given if not pair.startswith(OWN))
    ports = [port.partition("/")[0] for port in limits["PortBindings"] or {}]
    return RuntimeSpec(
        port=int(ports[0]) if ports else RuntimeSpec().port,
        command=() if command == (image.get("Cmd") or []) else tuple(command),
        env=variables,
        memory=int(limits.get("Memory") or 0),
        cpus=int(limits.get("NanoCpus") or 0) / 1e9,
    )
