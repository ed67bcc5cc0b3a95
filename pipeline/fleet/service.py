"""A service and its environments as the operator's file tells them. Nouns only."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy
from pipeline.intake.push import Push, RefKind
from pipeline.rollout.policy import Policy
from pipeline.secret import Secret


@dataclass(frozen=True)
class Repository:
    """Where a service's code lives and how its webhooks prove themselves. `project` is the forge's name of it."""

    url: str
    forge: str = "git"  # a name in runners.forges
    project: str = ""
    secret: Secret = field(default_factory=lambda: Secret(""))  # webhook secret or token
    signing: Secret = field(default_factory=lambda: Secret(""))  # GitLab >= 19: whsec_…; Gitee: signing key
    token: Secret = field(default_factory=lambda: Secret(""))  # for cloning and the forge's API
    submodules: bool = False


class OnHostLoss(StrEnum):
    """What becomes of the replicas of a host that does not answer any more."""

    WAIT = "wait"
    REPLACE = "replace"


@dataclass(frozen=True)
class Environment:
    """Where a service runs. `replicas` are per host; `place` is how many of the hosts to use, None: all."""

    service: str
    name: str
    hosts: tuple[Host, ...]
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    replicas: int = 1
    place: int | None = None
    on_host_loss: OnHostLoss = OnHostLoss.WAIT
    host_loss_grace: float = 300.0
    proxy: Proxy | None = None
    load_balancer: str = ""
    domain: str = ""
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    stored: tuple[str, ...] = ()  # names of secrets that must be kept in the store
    policy: Policy = field(default_factory=Policy)

    @property
    def floor(self) -> int:
        """Fewer hosts than this are never left to it without force."""
        return max(1, self.policy.min_healthy or 0)

    def wants(self, push: Push) -> bool:
        """Branch and tag patterns are shell-style; a tag never matches a branch pattern."""
        patterns = self.branches if push.kind is RefKind.BRANCH else self.tags
        return any(fnmatchcase(push.ref, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Service:
    """One deployable thing: a repository, or a folder of one, with a Dockerfile."""

    name: str
    repository: Repository
    path: str = "."
    environments: dict[str, Environment] = field(default_factory=dict)
