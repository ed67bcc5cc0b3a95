"""The labels and names by which we know our own containers. Everything without them is somebody else's."""

from collections.abc import Mapping

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
ONCE = "shipway.once"  # a before_deploy command; never counted as a replica


def name_of(host: Host, plan: ReplicaPlan) -> str:
    return f"shipway-{plan.service}-{plan.environment}-r{plan.release}-{host.name}-{plan.index}"


def common(host: Host, plan: ReplicaPlan) -> dict[str, str]:
    return {
        SERVICE: plan.service,
        ENVIRONMENT: plan.environment,
        RELEASE: str(plan.release),
        HOST: host.name,
        DEPLOYMENT: str(plan.deployment),
        COMMIT: plan.commit,
    }


def of_replica(host: Host, plan: ReplicaPlan, port: int) -> dict[str, str]:
    return {**common(host, plan), REPLICA: str(plan.index), PORT: str(port)}


def ours(labels: Mapping[str, str], host: Host) -> bool:
    """Two host entries may share an engine: the host's name is part of what makes a container ours."""
    return SERVICE in labels and labels.get(HOST) == host.name


def number(labels: Mapping[str, str], key: str) -> int:
    text = labels.get(key, "")
    return int(text) if text.isdigit() else 0
