"""Every key under `gitlab_runners` of `shipway.yml`, like `settings_keys`, and what must fit together in it."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from pipeline import settings_values as values
from pipeline import units
from pipeline.faults import Faults, Path
from pipeline.fleet.gitlab_runners import Executor, RunnerFleet, RunnerScope
from pipeline.fleet.host import Host
from pipeline.secret import Secret
from pipeline.settings_rollout import Keys
from pipeline.settings_values import SecretText
from pipeline.units import PositiveDuration, Word

TAG = re.compile(r"[^\s,\x00-\x1f\x7f][^,\x00-\x1f\x7f]{0,254}")
PINNED = re.compile(r".+@sha256:[0-9a-f]{64}|(.*/)?[^/:]+:(?!latest$|alpine$|ubuntu$|bleeding$)[^/:]+")
ONLY_DOCKER = ("image", "helper_image", "privileged", "volumes", "socket")


def _tag(value: object) -> str:
    found = units.text(value).strip()
    if not TAG.fullmatch(found):
        raise ValueError(f"{found!r} is not a tag; GitLab's are up to 255 characters, without commas")
    return found


def _volume(value: object) -> str:
    """`/inside` or `/outside:/inside[:ro]`, as GitLab Runner takes it."""
    found = units.text(value)
    if not found.isprintable() or not found.rpartition(":")[2] or "/" not in found:
        raise ValueError(f"{found!r} is not a volume; write /cache or /srv/data:/data:ro")
    return found


def _path(value: object) -> str:
    found = units.text(value)
    if not found.startswith("/") or not found.isprintable() or ":" in found:
        raise ValueError(f"{found!r} is not the path of a socket; write /var/run/docker.sock")
    return found


Tag = Annotated[str, BeforeValidator(_tag, json_schema_input_type=str)]
Volume = Annotated[str, BeforeValidator(_volume, json_schema_input_type=str)]
Socket = Annotated[str, BeforeValidator(_path, json_schema_input_type=str)]


class RunnerFleetKeys(Keys):
    url: units.HttpUrl = Field(description="GitLab's address, such as https://gitlab.example.com.")
    token: SecretText = Field(
        description="Access token that may manage runners: scopes `create_runner`, `manage_runner` and `read_api`, or `api`.",
    )
    ca: Word = Field(
        default="",
        description="PEM file of the authority that signed GitLab's certificate. Empty: a public one.",
    )
    scope: RunnerScope = Field(
        default=RunnerScope.INSTANCE,
        description="Whose jobs they take. instance needs a token of an administrator.",
    )
    id: int = Field(default=0, ge=0, description="GitLab's number of the group or project.")
    hosts: values.Hosts = Field(description="Names, or labels that must all match. A drained host has none.")
    per_host: int = Field(default=1, ge=1, le=20, description="Runners on each host.")
    tags: list[Tag] = Field(default=[], description="Jobs with these tags come here.")
    run_untagged: bool = Field(default=False, description="Jobs without tags, too.")
    locked: bool = Field(default=False, description="No other project may use it. For scope project.")
    protected: bool = Field(default=False, description="Only jobs of protected branches and tags.")
    concurrent: int = Field(default=1, ge=1, le=100, description="Jobs of one runner at the same time.")
    executor: Executor = Field(
        default=Executor.DOCKER,
        description="docker: each job in a container of its own, by the host's engine. shell: in the runner's container.",
    )
    image: units.Image = Field(default="alpine:3", description="docker: for jobs that name none.")
    helper_image: Word = Field(
        default="",
        description="docker: the runner's helper, from a registry that hosts can reach. Empty: the runner's own choice.",
    )
    memory: units.Size = Field(
        default=0, description="Of each job's container; shell: of the runner's. 0: no limit."
    )
    cpus: float = Field(default=0.0, ge=0, le=1024, description="Likewise, in CPUs. 0: no limit.")
    privileged: bool = Field(default=False, description="docker: jobs may do all that root on the host may.")
    volumes: list[Volume] = Field(default=["/cache"], description="docker: mounted in each job's container.")
    socket: Socket = Field(
        default="/var/run/docker.sock", description="docker: the engine's socket on the host; jobs run there."
    )
    runner_image: units.Image = Field(
        description="gitlab/gitlab-runner or a mirror of it, pinned: with a version or digest."
    )
    output_limit: units.Size = Field(default=4 << 20, description="Largest log of a job.")
    stop_timeout: PositiveDuration = Field(
        default=3600.0, description="Time for jobs to end before their runner is replaced or removed."
    )

    def fleet(self, name: str, hosts: tuple[Host, ...], ca: str) -> RunnerFleet:
        """`ca`: its absolute path."""
        given = dict(self) | {"url": self.url.rstrip("/"), "token": Secret(self.token.get_secret_value())}
        given |= {"selector": self.hosts if isinstance(self.hosts, dict) else {}}
        given |= {"hosts": hosts, "ca": ca, "tags": tuple(self.tags), "volumes": tuple(self.volumes)}
        return RunnerFleet(name=name, **given)


def check_fleet(fleet: RunnerFleetKeys, path: Path, faults: Faults) -> None:
    for key, fault in (*_of_scope(fleet), *_of_jobs(fleet)):
        faults.add((*path, key), fault)


def _of_scope(fleet: RunnerFleetKeys) -> Iterator[tuple[str, str]]:
    if fleet.scope is RunnerScope.INSTANCE and fleet.id:
        yield "id", "is only for scope group and project"
    if fleet.scope is not RunnerScope.INSTANCE and not fleet.id:
        yield "id", f"is missing; GitLab shows it on the page of the {fleet.scope}"
    if fleet.locked and fleet.scope is not RunnerScope.PROJECT:
        yield "locked", "is only for scope project"


def _of_jobs(fleet: RunnerFleetKeys) -> Iterator[tuple[str, str]]:
    if not fleet.tags and not fleet.run_untagged:
        yield "tags", "is empty and run_untagged is false: no job would ever come; set one of them"
    if not PINNED.fullmatch(fleet.runner_image):
        yield "runner_image", "is not pinned; name a version or digest: gitlab/gitlab-runner:v18.5.0"
    if fleet.output_limit < 1024:
        yield "output_limit", "is too small; at least 1k"
    if fleet.executor is Executor.SHELL:
        for key in ONLY_DOCKER:
            if key in fleet.model_fields_set:
                yield key, "is only for executor docker"
