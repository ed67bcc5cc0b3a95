"""One GitLab Runner of a fleet: its place, what the books keep of it, and what is seen of it on its host and at GitLab."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.fleet.gitlab_runners import Executor, RunnerFleet, RunnerScope
from pipeline.fleet.host import Host
from pipeline.secret import Secret

FORMAT = 1  # count up when the same settings make another config.toml or container


@dataclass(frozen=True, order=True)
class Slot:
    """The place of one runner: the n-th of a fleet on a host, from 1 on."""

    fleet: str
    host: str
    index: int

    def __str__(self) -> str:
        return f"{self.fleet}/{self.host}/{self.index}"

    @property
    def container(self) -> str:
        """The name of its container."""
        return f"shipway-runner-{self.fleet}-{self.host}-{self.index}"


@dataclass(frozen=True)
class Record:
    """What the books keep, written before anything is done. `runner` 0: GitLab was asked to create it, or is about to be,
    and its answer is not kept yet: `description` then finds what came of it. All that removing it takes is here, since
    fleet and host may be gone from shipway.yml by then."""

    slot: Slot
    host: Host
    url: str
    scope: RunnerScope
    scope_id: int
    description: str  # unique: no other runner at that GitLab has it
    system_id: (
        str  # by which GitLab tells the machines of a runner apart; stays when the container is replaced
    )
    stop_timeout: float
    ca: str = ""
    runner: int = 0
    token: Secret = field(default_factory=lambda: Secret(""))
    drain_by: datetime | None = None  # its container was told to finish its jobs, until then
    trouble: str = ""  # what the last look found wrong


@dataclass(frozen=True)
class ContainerSeen:
    """A container with our labels. `config` is the fingerprint of the settings that it was made with."""

    id: str
    slot: Slot
    config: str
    running: bool = True
    state: str = "running"
    exit_code: int | None = None
    stop_timeout: float = 0.0


@dataclass(frozen=True)
class RunnerSeen:
    """GitLab's entry."""

    id: int
    description: str
    runner_type: str = ""
    tags: frozenset[str] = frozenset()
    run_untagged: bool = True
    locked: bool = False
    access_level: str = ""
    paused: bool = False
    status: str = ""
    contacted_at: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """One look at everything. A text in place of what was looked for says why it is not known."""

    records: dict[Slot, Record] = field(default_factory=dict)
    containers: dict[str, tuple[ContainerSeen, ...] | str] = field(default_factory=dict)  # by host
    listed: dict[str, tuple[RunnerSeen, ...] | str] = field(
        default_factory=dict
    )  # by fleet, those named as ours
    entries: dict[Slot, RunnerSeen | str | None] = field(default_factory=dict)  # None: gone
    refused: frozenset[Slot] = frozenset()  # GitLab does not take their tokens
    unfit: dict[str, str] = field(default_factory=dict)  # host -> why it may have none
    hosts: frozenset[str] = frozenset()  # of shipway.yml

    def on(self, slot: Slot) -> ContainerSeen | None:
        """None also when the host is silent."""
        found = self.containers.get(slot.host, ())
        if isinstance(found, str):
            return None
        return next((one for one in found if one.slot == slot), None)


def slots(fleet: RunnerFleet) -> list[tuple[Slot, Host]]:
    """All that are wanted, drained hosts included."""
    return [
        (Slot(fleet.name, host.name, n), host) for host in fleet.hosts for n in range(1, fleet.per_host + 1)
    ]


def family(installation: str) -> str:
    """How the descriptions of all runners of this Shipway begin."""
    return f"shipway {installation} "


def description(installation: str, slot: Slot, nonce: str) -> str:
    return f"{family(installation)}{slot} {nonce}"


def fingerprint(fleet: RunnerFleet, record: Record) -> str:
    """Changes when the container must be replaced. The token is in it, which nobody could guess from it."""
    of_container = (
        FORMAT, fleet.ca, fleet.runner_image, fleet.concurrent, fleet.executor, fleet.memory, fleet.cpus, fleet.output_limit,
        record.runner, record.url, record.token.reveal(), record.system_id,
    )  # fmt: skip
    of_jobs: tuple[object, ...] = ()
    if fleet.executor is Executor.DOCKER:
        of_jobs = fleet.image, fleet.helper_image, fleet.privileged, fleet.volumes, fleet.socket
    said = json.dumps([of_container, of_jobs])
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def attributes(fleet: RunnerFleet) -> dict[str, object]:
    """What GitLab is told of it beside its description, in GitLab's words. Never `paused`: that is people's business."""
    return {
        "tag_list": list(fleet.tags),
        "run_untagged": fleet.run_untagged,
        "locked": fleet.locked,
        "access_level": "ref_protected" if fleet.protected else "not_protected",
    }


def differing(fleet: RunnerFleet, seen: RunnerSeen) -> tuple[str, ...]:
    """Attributes that are not as shipway.yml says."""
    wanted = attributes(fleet)
    there = {
        "tag_list": sorted(seen.tags),
        "run_untagged": seen.run_untagged,
        "locked": seen.locked,
        "access_level": seen.access_level,
    }
    wanted["tag_list"] = sorted(fleet.tags)
    return tuple(name for name, value in there.items() if wanted[name] != value)
