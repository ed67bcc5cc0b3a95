"""One look at an engine: the replicas of one service and environment, its images, and signs of a restart. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors

from pipeline.fleet.host import Host
from pipeline.rollout.observed import HostSeen, ReplicaSeen, ReplicaState
from runners.engines.disk import free_bytes
from runners.engines.labels import ENVIRONMENT, HOST, RELEASE, REPLICA, SERVICE, number, stranger
from runners.line import Lines

_STATES = {
    "created": ReplicaState.CREATED,
    "running": ReplicaState.RUNNING,
    "paused": ReplicaState.RUNNING,  # it answers no probe, which is what decides
}
_NEVER = "0001-"


@dataclass(frozen=True)
class Facts:
    """What changes slowly and costs an engine more than all the rest of a look. None: it cannot be told."""

    free_bytes: int | None
    memory: int | None
    clock_skew: float | None  # seconds


def look(
    client: docker.APIClient,
    host: Host,
    service: str,
    environment: str,
    facts: Facts,
    images: frozenset[str],
    installation: str,
) -> HostSeen:
    listed = _listed(client, host, service, environment)
    others = {stranger(container["Labels"] or {}, installation) for container in listed} - {""}
    found = _replicas(client, [c for c in listed if not stranger(c["Labels"] or {}, installation)])
    return HostSeen(
        host.name,
        reachable=True,
        boot=boot(client),  # asked after the replicas: a death that a restart caused is never seen without it
        images=images,
        replicas=found,
        free_bytes=facts.free_bytes,
        memory=facts.memory,
        clock_skew=facts.clock_skew,
        stranger=min(others, default=""),
    )


def facts(client: docker.APIClient, lines: Lines, host: Host) -> Facts:
    asked = datetime.now(UTC)
    info = client.info()
    answered = datetime.now(UTC)
    return Facts(
        free_bytes(client, lines, host, str(info.get("DockerRootDir", ""))),
        int(info.get("MemTotal") or 0) or None,
        _skew(str(info.get("SystemTime", "")), asked, answered),
    )


def _listed(client: docker.APIClient, host: Host, service: str, environment: str) -> list[dict[str, Any]]:
    wanted = [f"{SERVICE}={service}", f"{ENVIRONMENT}={environment}", f"{HOST}={host.name}", REPLICA]
    found: list[dict[str, Any]] = client.containers(all=True, filters={"label": wanted})
    return found


def _replicas(client: docker.APIClient, listed: Sequence[dict[str, Any]]) -> tuple[ReplicaSeen, ...]:
    seen = []
    for container in listed:
        try:
            seen.append(_replica(client.inspect_container(container["Id"])))
        except docker.errors.NotFound:
            continue  # removed since it was listed
    return tuple(sorted(seen, key=lambda replica: (replica.release, replica.index)))


def boot(client: docker.APIClient) -> str:
    """The engine makes its default bridge network anew at every start, so its id tells one life from the next. (With
    live-restore and running containers it is kept, and so are the containers: no death to explain.) The API has no
    start time of the daemon."""
    try:
        return str(client.inspect_network("bridge")["Id"])[:16]
    except docker.errors.NotFound:
        return ""


def _replica(container: dict[str, Any]) -> ReplicaSeen:
    labels, state = container["Config"]["Labels"], container["State"]
    started = str(state["StartedAt"])
    kind = _STATES.get(state["Status"], ReplicaState.EXITED)
    policy = container["HostConfig"]["RestartPolicy"]["Name"]
    return ReplicaSeen(
        container=container["Id"],
        name=str(container["Name"]).lstrip("/"),
        release=number(labels, RELEASE),
        index=number(labels, REPLICA),
        state=kind,
        started_at="" if started.startswith(_NEVER) else started,
        address=address_of(container["HostConfig"]["PortBindings"] or {}),
        restart_always=policy in ("always", "unless-stopped"),
        exit_code=int(state["ExitCode"]) if kind is ReplicaState.EXITED else None,
        oom=bool(state["OOMKilled"]),
        image=str(container["Config"]["Image"]),
        health=str((state.get("Health") or {}).get("Status", "")).replace("none", ""),
    )


def address_of(bindings: dict[str, list[dict[str, str]]]) -> str:
    """The explicit one it was made with: it stays the same over restarts, and is known while it is stopped."""
    for bound in bindings.values():
        for one in bound or []:
            if one.get("HostPort", "0") not in ("", "0"):
                return f"{one['HostIp']}:{one['HostPort']}"
    return ""


def _skew(theirs: str, asked: datetime, answered: datetime) -> float | None:
    try:
        said = datetime.fromisoformat(f"{theirs[:26].rstrip('Z')}+00:00")
    except ValueError:
        return None
    return (said - (asked + (answered - asked) / 2)).total_seconds()
