"""Creates and starts one replica on a free port. Decides the port; never pulls, never probes.

Ports go round the range with the deployment's number, so that a port just freed is not at once another service's: a proxy
that could not be reached may still route to the old one.
"""

from typing import Any

import docker
import docker.errors

from pipeline.errors import PortTaken, Rejected, ShipwayError, StageFailed
from pipeline.fleet.host import Host
from pipeline.rollout.release import ReplicaPlan
from runners.engine_errors import refused, said_no, words
from runners.engines.labels import PORT, left_alone, name_of, number, of_replica, ours
from runners.engines.remove import remove

TRIES = 8
_ROUND = 16  # ports apart for two deployments
_IMAGE_AT_FAULT = (
    "executable file not found",
    "exec format error",
    "no command specified",
    "no such file or directory",
    "permission denied",
    "not a directory",
)
_CANNOT_EXEC = (126, 127)


def start_replica(client: docker.APIClient, host: Host, plan: ReplicaPlan, installation: str) -> None:
    if adopted(client, host, plan, installation):
        return
    tried = candidates(host.ports, taken(client), plan.deployment * _ROUND + plan.index)[:TRIES]
    for port in tried:
        try:
            _start_on(client, host, plan, port, installation)
        except PortTaken:
            continue
        return
    raise PortTaken(
        f"Host {host.name}: no free port for {name_of(host, plan)}: {len(tried)} of {host.ports[0]}-{host.ports[1]} "
        f"were tried. Free some, or widen hosts.{host.name}.ports."
    )


def adopted(client: docker.APIClient, host: Host, plan: ReplicaPlan, installation: str) -> bool:
    """True when the replica runs already. What is dead of it is removed, so that the name is free; what runs under its
    name from another image (its number was another release's, before a database was restored) makes way in name only."""
    name = name_of(host, plan)
    try:
        found = client.inspect_container(name)
    except docker.errors.NotFound:
        return False
    labels = found["Config"]["Labels"] or {}
    if not ours(labels, host, installation):
        raise left_alone(host, name, labels, installation)
    if found["State"]["Status"] != "running":
        remove(client, found["Id"])
    elif found["Config"]["Image"] == plan.image:
        return True
    else:
        client.rename(found["Id"], f"{name}-was-{found['Id'][:12]}")
    return False


def taken(client: docker.APIClient) -> set[int]:
    """Published now by anybody, or kept by one of ours that is stopped and may come back."""
    ports: set[int] = set()
    for container in client.containers(all=True):
        ports.update(int(port["PublicPort"]) for port in container["Ports"] or [] if port.get("PublicPort"))
        ports.add(number(container["Labels"] or {}, PORT))
    return ports


def candidates(span: tuple[int, int], used: set[int], offset: int) -> list[int]:
    low, high = span
    size = high - low + 1
    return [port for port in (low + (offset + step) % size for step in range(size)) if port not in used]


def container_settings(plan: ReplicaPlan) -> dict[str, Any]:
    """What a replica and its before_deploy command have in common: image, environment, limits, no new privileges."""
    spec = plan.spec
    env = {"PORT": str(spec.port), **spec.env}
    env.update({name: secret.reveal() for name, secret in spec.secrets.items()})
    env.update(
        SHIPWAY_SERVICE=plan.service,
        SHIPWAY_ENVIRONMENT=plan.environment,
        SHIPWAY_RELEASE=str(plan.release),
        SHIPWAY_COMMIT=plan.commit,
    )
    limits: dict[str, Any] = {}
    if spec.memory:
        limits.update(mem_limit=spec.memory, memswap_limit=spec.memory)
    if spec.cpus:
        limits.update(nano_cpus=int(spec.cpus * 1e9))
    host_config: dict[str, Any] = {
        "init": True,  # a PID 1 without a handler would ignore SIGTERM and cost the whole stop timeout
        "restart_policy": {"Name": "no"},
        "security_opt": ["no-new-privileges"],
        "log_config": BOUNDED_LOG,
        **limits,
    }
    return {"image": plan.image, "environment": env, "host_config": host_config, "use_config_proxy": False}


BOUNDED_LOG: Any = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}


def create(
    client: docker.APIClient, host: Host, plan: ReplicaPlan, name: str, settings: dict[str, Any]
) -> str:
    """Raises `StageFailed` when the image or its spec is at fault."""
    host_config = client.create_host_config(**settings.pop("host_config"))
    try:
        return str(client.create_container(name=name, host_config=host_config, **settings)["Id"])
    except docker.errors.ImageNotFound as error:
        raise Rejected(f"Host {host.name}: {plan.image} is not on the host. Pull it first.") from error
    except docker.errors.APIError as error:
        raise blame(host, plan, f"create {name}", error) from error


def _start_on(client: docker.APIClient, host: Host, plan: ReplicaPlan, port: int, installation: str) -> None:
    """Start it, or leave nothing behind."""
    name, inside = name_of(host, plan), f"{plan.spec.port}/tcp"
    settings = container_settings(plan)
    settings["host_config"]["port_bindings"] = {inside: (host.address, port)}
    settings |= {"labels": of_replica(host, plan, port, installation), "ports": [(plan.spec.port, "tcp")]}
    if plan.spec.command:
        settings["command"] = list(plan.spec.command)
    made = create(client, host, plan, name, settings)
    try:
        client.start(made)
    except docker.errors.APIError as error:
        remove(client, made)
        raise blame(host, plan, f"start {name}", error) from error
    _cannot_exec(client, host, plan, made)


def _cannot_exec(client: docker.APIClient, host: Host, plan: ReplicaPlan, made: str) -> None:
    """With an init inside, a wrong command is the init's failure, not the engine's: often seen at once, else later as
    an exit with 126 or 127."""
    state = client.inspect_container(made)["State"]
    if state["Status"] != "exited" or state["ExitCode"] not in _CANNOT_EXEC:
        return
    said = bytes(client.logs(made, tail=5)).decode(errors="replace").strip()
    remove(client, made)
    raise StageFailed(
        f"Host {host.name}: the image of release {plan.release} cannot be started: {said} (exit code {state['ExitCode']}). "
        "Correct its command."
    )


def blame(host: Host, plan: ReplicaPlan, deed: str, error: docker.errors.APIError) -> ShipwayError:
    text = words(error)
    known = refused(host, deed, text)
    if known is not None:
        return known
    if error.status_code == 400 or any(mark in text.lower() for mark in _IMAGE_AT_FAULT):
        return StageFailed(
            f"Host {host.name}: the image of release {plan.release} cannot be started: {text}. "
            "Correct its command, entrypoint or limits."
        )
    return said_no(host, deed, error)
