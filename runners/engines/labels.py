"""The labels and names by which we know our own containers. Everything without them is somebody else's.

Two Shipways may share a host: each marks what it makes with its installation's id and leaves alone what carries
another's. What carries none is older than these marks, and ours.
"""

from collections.abc import Mapping

from pipeline.errors import Rejected
from pipeline.fleet.host import Host
from pipeline.rollout.release import ReplicaPlan

SERVICE = "shipway.service"
ENVIRONMENT = "shipway.environment"
RELEASE = "shipway.release"
HOST = "shipway.host"
DEPLOYMENT = "shipway.deployment"
REPLICA = "shipway.replica"
COMMIT = "shipway.commit"
PORT = "shipway.port"  # the published one: the engine forgets it in its list while a container is stopped
PROXY = "shipway.proxy"  # a site's container: its proxy's name
INSTALLATION = "shipway.installation"  # the Shipway that made it
ONCE = "shipway.once"  # a hook's command; never counted as a replica


def name_of(host: Host, plan: ReplicaPlan) -> str:
    return f"shipway-{plan.service}-{plan.environment}-r{plan.release}-{host.name}-{plan.index}"


def common(host: Host, plan: ReplicaPlan, installation: str) -> dict[str, str]:
    return {
        **mark(installation),
        SERVICE: plan.service,
        ENVIRONMENT: plan.environment,
        RELEASE: str(plan.release),
        HOST: host.name,
        DEPLOYMENT: str(plan.deployment),
        COMMIT: plan.commit,
    }


def of_replica(host: Host, plan: ReplicaPlan, port: int, installation: str) -> dict[str, str]:
    return {**common(host, plan, installation), REPLICA: str(plan.index), PORT: str(port)}


def mark(installation: str) -> dict[str, str]:
    return {INSTALLATION: installation} if installation else {}


def ours(labels: Mapping[str, str], host: Host, installation: str) -> bool:
    """Two host entries may share an engine: the host's name is part of what makes a container ours."""
    return SERVICE in labels and labels.get(HOST) == host.name and not stranger(labels, installation)


def stranger(labels: Mapping[str, str], installation: str) -> str:
    """The id of the other Shipway that made it; empty when none did."""
    maker = labels.get(INSTALLATION, "")
    return "" if maker == installation else maker


def left_alone(host: Host, container: str, labels: Mapping[str, str], installation: str) -> Rejected:
    """Why we do not touch it."""
    other = stranger(labels, installation)
    if other:
        return Rejected(
            f"Host {host.name}: container {container} was made by another Shipway (installation {other}); left alone. "
            f"Rename it in one of the two, or set server.installation to {other} if that one's database was lost."
        )
    return Rejected(
        f"Host {host.name}: container {container} exists and Shipway did not make it for this host; left alone. "
        "Rename or remove it there."
    )


def number(labels: Mapping[str, str], key: str) -> int:
    text = labels.get(key, "")
    return int(text) if text.isdigit() else 0
