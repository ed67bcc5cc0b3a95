"""A fleet of GitLab Runners as `shipway.yml` declares it. Nothing here talks to GitLab or to a host."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.fleet.host import Host
from pipeline.secret import Secret


class Executor(StrEnum):
    """Where a job runs: in a container of its own beside the runner's, or in the runner's container itself."""

    DOCKER = "docker"
    SHELL = "shell"


class RunnerScope(StrEnum):
    """Whose jobs it takes."""

    INSTANCE = "instance"
    GROUP = "group"
    PROJECT = "project"

    @property
    def runner_type(self) -> str:
        """GitLab's word."""
        return f"{self}_type"


@dataclass(frozen=True)
class RunnerFleet:
    """One entry of `gitlab_runners`: `per_host` runners on each of `hosts`, all alike."""

    name: str
    url: str  # GitLab's, without a slash at its end
    token: Secret  # of a user or bot that may create and manage runners
    hosts: tuple[Host, ...]
    runner_image: str
    ca: str = ""  # file of the authority that signed GitLab's certificate; empty: a public one
    scope: RunnerScope = RunnerScope.INSTANCE
    id: int = 0  # of the group or project
    per_host: int = 1
    tags: tuple[str, ...] = ()
    run_untagged: bool = False
    locked: bool = False
    protected: bool = False
    concurrent: int = 1
    executor: Executor = Executor.DOCKER
    image: str = ""
    helper_image: str = ""
    memory: int = 0  # bytes; 0: no limit
    cpus: float = 0.0
    privileged: bool = False
    volumes: tuple[str, ...] = field(default_factory=tuple)
    selector: dict[str, str] = field(default_factory=dict)  # labels of hosts; empty: they are named
    socket: str = "/var/run/docker.sock"
    output_limit: int = 4 << 20
    stop_timeout: float = 3600.0
