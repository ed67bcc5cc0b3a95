"""How long what Shipway made is kept. Durations in seconds, sizes in bytes; every default's reason is in docs/retention.md."""

from dataclasses import dataclass

DAY = 86400.0


@dataclass(frozen=True)
class Retention:
    """`retention:` of the operator's file. How many releases stay on the hosts is `rollout.keep` of each environment."""

    releases: int = 5  # of a service: manifests in the registry and builds on the builder, whatever their age
    age: float = 90 * DAY  # younger manifests stay as well
    logs: float = 90 * DAY
    cache: int = 20 << 30  # of BuildKit on the builder; 0: never touched
    disk_floor: int = 256 << 20  # free bytes that a pull must leave on a host
    build_floor: int = 1 << 30  # free bytes without which no build begins
    registry_delete: bool = True
