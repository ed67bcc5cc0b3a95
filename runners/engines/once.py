"""Runs one command to its end in a new container of a release's image: a hook. Never publishes a port.

A container left by a worker that died is taken over when it is of the same deployment: a migration is not run twice.
"""

import math
from collections.abc import Sequence
from typing import Any

import docker
import docker.errors
import requests.exceptions

from pipeline.errors import StageFailed
from pipeline.fleet.host import Host
from pipeline.rollout.release import ReplicaPlan
from runners.engines.labels import DEPLOYMENT, ONCE, common, left_alone, ours
from runners.engines.remove import remove
from runners.engines.start import blame, container_settings, create
from runners.engines.tail import tail

_TAIL = 100  # lines


def run_once(
    client: docker.APIClient,
    host: Host,
    plan: ReplicaPlan,
    command: Sequence[str],
    timeout: float,
    installation: str,
) -> tuple[int, str]:
    container = _left_over(client, host, plan, installation) or make(
        client, host, plan, command, installation
    )
    try:
        code = _ended(client, container, timeout)
        said = bytes(client.logs(container, tail=_TAIL)).decode(errors="replace")
    finally:
        remove(client, container)
    if code is None:
        raise StageFailed(
            f"Host {host.name}: {' '.join(command)!r} did not end within {timeout:g} s and was stopped. Its last output: "
            f"{tail(said, 500) or 'none'}"
        )
    return code, said


def _left_over(client: docker.APIClient, host: Host, plan: ReplicaPlan, installation: str) -> str:
    try:
        found: dict[str, Any] = client.inspect_container(_name(host, plan))
    except docker.errors.NotFound:
        return ""
    labels = found["Config"]["Labels"] or {}
    if not ours(labels, host, installation):
        raise left_alone(host, _name(host, plan), labels, installation)
    if labels.get(DEPLOYMENT) == str(plan.deployment) and found["State"]["Status"] in ("running", "exited"):
        return str(found["Id"])
    remove(client, str(found["Id"]))
    return ""


def make(
    client: docker.APIClient, host: Host, plan: ReplicaPlan, command: Sequence[str], installation: str
) -> str:
    settings = container_settings(plan)
    settings |= {
        "labels": {**common(host, plan, installation), ONCE: plan.hook or "before_deploy"},
        "command": list(command),
    }
    made = create(client, host, plan, _name(host, plan), settings)
    try:
        client.start(made)
    except docker.errors.APIError as error:
        remove(client, made)
        raise blame(host, plan, f"run {' '.join(command)!r}", error) from error
    return made


def _ended(client: docker.APIClient, container: str, timeout: float) -> int | None:
    try:
        return int(client.wait(container, timeout=math.ceil(timeout))["StatusCode"])
    except requests.exceptions.ReadTimeout:
        return None
    except (
        requests.exceptions.ConnectionError
    ) as error:  # how urllib3 tells a read timeout in the middle of an answer
        if "timed out" in str(error).lower():
            return None
        raise


def _name(host: Host, plan: ReplicaPlan) -> str:
    hook = (plan.hook or "before_deploy").replace("_", "-")
    return f"shipway-{plan.service}-{plan.environment}-r{plan.release}-{host.name}-{hook}"
