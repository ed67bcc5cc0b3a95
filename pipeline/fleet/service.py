"""A service and its environments as the operator's file tells them. Nouns only."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from pipeline.fleet.host import Host
from pipeline.fleet.proxy import Proxy
from pipeline.fleet.schedule import Schedule
from pipeline.fleet.window import Freeze, Window
from pipeline.intake.push import Push, RefKind
from pipeline.rollout.policy import Policy
from pipeline.scaling.policy import Scaling
from pipeline.secret import Secret


class FirstSight(StrEnum):
    """What the first look at a repository does with the branches that it finds."""

    REMEMBER = "remember"
    START = "start"


@dataclass(frozen=True)
class CiJobs:
    """Jobs of the forge's own CI that may call the API, proved by an id_token."""

    project_id: int  # of the forge; unlike its path it never changes
    issuer: str = ""  # empty: the forge's address
    audience: str = ""  # empty: server.url
    protected: bool = True  # only from protected branches and tags


@dataclass(frozen=True)
class Repository:
    """Where a service's code lives and how its webhooks prove themselves. `project` is the forge's name of it."""

    url: str
    forge: str = "git"  # a name in runners.forges
    project: str = ""
    secret: Secret = field(default_factory=lambda: Secret(""))  # webhook secret or token
    signing: Secret = field(default_factory=lambda: Secret(""))  # GitLab >= 19: whsec_…; Gitee: signing key
    token: Secret = field(default_factory=lambda: Secret(""))  # for cloning and the forge's API
    api: str = ""  # address of the forge, when `url` does not tell it
    reports: bool = True  # with a token: the forge is told what becomes of its commits
    jobs: CiJobs | None = None  # None: no job may
    submodules: bool = False
    poll: float = 60.0  # seconds between looks for pushes without a webhook; 0: none
    first_sight: FirstSight = FirstSight.REMEMBER

    @property
    def address(self) -> str:
        """The URL without a user name or password that somebody wrote into it."""
        scheme, separator, rest = self.url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator else self.url


class OnHostLoss(StrEnum):
    """What becomes of the replicas of a host that does not answer any more."""

    WAIT = "wait"
    REPLACE = "replace"


class Approval(StrEnum):
    """Whether a run waits for a person before it deploys."""

    NONE = "none"
    MANUAL = "manual"


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
    approve: Approval = Approval.NONE
    windows: tuple[Window, ...] = ()  # when it takes deployments; none: always
    freezes: tuple[Freeze, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    selector: dict[str, str] = field(default_factory=dict)  # labels of hosts; empty: they are named
    scaling: Scaling | None = None  # None: people alone change `replicas`

    @property
    def floor(self) -> int:
        """Fewer hosts than this are never left to it without force."""
        return max(1, self.policy.min_healthy or 0)

    def wants(self, push: Push) -> bool:
        """Branch and tag patterns are shell-style; a tag never matches a branch pattern."""
        return self.takes(push.kind, push.ref)

    def takes(self, kind: RefKind, ref: str) -> bool:
        patterns = self.branches if kind is RefKind.BRANCH else self.tags
        return any(fnmatchcase(ref, pattern) for pattern in patterns)


@dataclass(frozen=True)
class MergeRequests:
    """Which of them are built and tested. None is ever deployed."""

    enabled: bool = True
    forks: bool = False


@dataclass(frozen=True)
class Service:
    """One deployable thing: a repository, or a folder of one, with a Dockerfile. `paths` and `ignore` narrow down which
    changes are its own, beside `path`."""

    name: str
    repository: Repository
    path: str = "."
    environments: dict[str, Environment] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    merge_requests: MergeRequests = field(default_factory=MergeRequests)
