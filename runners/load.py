"""Port `Loads` over docker engines: what containers use, from the counters of their cgroups. Changes nothing.

One question a container, which an engine of API 1.41 (Docker 20.10) answers at once; an older one takes a second for it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors

from pipeline.errors import RunnerError
from pipeline.fleet.host import Host
from pipeline.scaling.group import Sample
from runners.engine_errors import speaking
from runners.reach import QUICK, Reach

ONE_SHOT = (1, 41)
NANO = 1e9
CACHES = ("inactive_file", "total_inactive_file")  # cgroup v2, v1: what the kernel takes back when it likes


class EngineLoads:
    """Implements `pipeline.scaling.book.Loads`."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def used(self, host: Host, containers: Sequence[str]) -> Mapping[str, Sample]:
        found: dict[str, Sample] = {}
        try:
            client = self._reach.client(host, QUICK)
            for container in containers:
                sample = _sample(client, host, container)
                if sample is not None:
                    found[container] = sample
        except RunnerError:
            return found  # silent: its replicas are not ready either
        return found

    def machine(self, host: Host) -> Sample | None:
        try:
            client = self._reach.client(host, QUICK)
            with speaking(host, "look at its containers"):
                info, listed = client.info(), client.containers()
        except RunnerError:
            return None
        used = self.used(host, [container["Id"] for container in listed])
        return share_of(used.values(), int(info.get("NCPU") or 1), int(info.get("MemTotal") or 0))


def share_of(samples: Collection[Sample], cores: int, memory: int) -> Sample:
    """Of a machine that has so many cores and bytes."""
    at = max((sample.at for sample in samples), default=datetime.now(UTC))
    spent = sum(sample.cpu or 0.0 for sample in samples)
    held = sum(sample.memory or 0 for sample in samples)
    return Sample(at, cpu=spent / cores, memory=round(100 * held / memory) if memory else None)


def _sample(client: docker.APIClient, host: Host, container: str) -> Sample | None:
    version = tuple(int(part) for part in client.api_version.split(".")[:2])
    once = {"one_shot": True} if version >= ONE_SHOT else {}
    with speaking(host, f"read what {container[:12]} uses"):
        try:
            stats: Any = client.stats(container, stream=False, **once)
        except docker.errors.NotFound:
            return None
    return sample_of(stats)


def sample_of(stats: Mapping[str, Any]) -> Sample | None:
    """None: it does not run."""
    cpu = (stats.get("cpu_stats") or {}).get("cpu_usage") or {}
    memory = stats.get("memory_stats") or {}
    at = _moment(str(stats.get("read", "")))
    if at is None or "total_usage" not in cpu:
        return None
    return Sample(at, cpu=int(cpu["total_usage"]) / NANO, memory=_in_use(memory))


def _in_use(memory: Mapping[str, Any]) -> int | None:
    """As `docker stats` counts it."""
    if "usage" not in memory:
        return None
    usage, parts = int(memory["usage"]), memory.get("stats") or {}
    cache = next((int(parts[name]) for name in CACHES if name in parts), 0)
    return usage - cache if cache < usage else usage


def _moment(text: str) -> datetime | None:
    """Nine digits after the point; the year 1 when it does not run."""
    try:
        found = datetime.fromisoformat(text[:26].rstrip("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.year > 1 else None
