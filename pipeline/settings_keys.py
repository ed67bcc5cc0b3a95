"""Every key of `shipway.yml`: its type, its default and its sentence. The JSON Schema and docs/configuration.md come from here.

Knows one value at a time; what must fit together is in `settings_checks`, and `settings_file` turns it all into nouns.
"""

from pydantic import Field, SecretStr

from pipeline import settings_values as values
from pipeline import units
from pipeline.fleet.proxy import ProxyKind
from pipeline.fleet.service import Approval, FirstSight, OnHostLoss
from pipeline.settings_access import NO_SECRET, AccessKey, SecretKey
from pipeline.settings_backup import BackupKeys
from pipeline.settings_builder import BuilderKeys
from pipeline.settings_enrolment import EnrolmentKeys
from pipeline.settings_entrances import EntranceKeys
from pipeline.settings_gitlab_runners import RunnerFleetKeys
from pipeline.settings_hosts import HostKeys
from pipeline.settings_notices import NoticeKeys
from pipeline.settings_pools import PoolKeys
from pipeline.settings_registry import RegistryKeys
from pipeline.settings_rollout import Keys, RolloutKeys
from pipeline.settings_scaling import EVERY, Apart, ScalingKeys
from pipeline.settings_sign_in import SignInKeys
from pipeline.settings_storage import StorageKeys
from pipeline.settings_timing import FreezeKeys, ScheduleKeys, WindowText, Zone
from pipeline.settings_traces import TracesKeys
from pipeline.settings_values import PathPattern, RefPattern, SecretText
from pipeline.units import Duration, Identifier, Name, PositiveDuration, Text, Word


class ServerKeys(Keys):
    url: units.HttpUrl = Field(
        default="http://127.0.0.1:8080", description="Public address, used in links and by hooks."
    )
    listen: units.Listen = Field(default="127.0.0.1:8080", description="Where the server listens.")
    data: Word = Field(
        default="./data",
        min_length=1,
        description="Folder for SQLite, logs, git mirrors and keys; relative to this file.",
    )
    database: SecretText = Field(
        default=SecretStr(""),
        description="Empty: SQLite in `data`. postgresql+psycopg://user@host/name for several machines.",
    )
    redis: SecretText = Field(
        default=SecretStr(""),
        description="Empty: a Redis child of our own. redis://, rediss:// or unix:// of a shared one.",
    )
    installation: Word = Field(
        default="",
        pattern=r"^([0-9a-f]{16})?$",
        description="Empty: an id of its own, kept in the database. That of a Shipway whose database was lost: its "
        "containers are ours.",
    )
    sign_in: SignInKeys = Field(default=SignInKeys(), description="Who may sign in beside local users.")
    timezone: Zone = Field(default="UTC", description="Of times in this file that name none.")
    traces: TracesKeys = Field(default=TracesKeys(), description="Where traces of runs go.")
    scaling_every: Apart = Field(
        default=EVERY, description="From look to look at what scales by itself; 5s to 1m."
    )


class ProxyKeys(Keys):
    kind: ProxyKind = Field(description="haproxy or nginx.")
    image: units.Image = Field(
        description="haproxy ≥ 2.6 or nginx ≥ 1.27.4 (older ones lose requests on reload)."
    )
    listen: units.Port = Field(default=80, description="The port on the host that it answers on.")
    hosts: list[Name] = Field(
        default=[], description="Only on these hosts. Empty: on each host of the environment."
    )


class BalancerKeys(Keys):
    kind: values.Balancer = Field(
        description="aliyun-slb, aliyun-alb, aws-elbv2, aws-elb, haproxy, nginx or chain."
    )
    id: Word = Field(
        default="",
        description="The cloud's identifier of it; of haproxy its backend, of nginx its upstream. A chain has none.",
    )
    group: Word = Field(
        default="",
        description="aliyun-slb: a VServerGroup. Empty: the default group. aliyun-alb: the server group.",
    )
    region: Word = Field(default="", description="The cloud's name of the region.")
    port: units.Port = Field(default=80, description="The port that it sends to on the hosts.")
    endpoint: Word = Field(
        default="",
        description="Overrides the address of the cloud's API. haproxy: unix:///path or tcp://host:port of its runtime "
        "API; nginx: file:///path of its nginx.conf.",
    )
    access_key: AccessKey = ""
    secret_key: SecretKey = NO_SECRET
    of: list[Name] = Field(default=[], description="chain: other load balancers, the outermost first.")
    settle: values.Settle | None = Field(
        default=None,
        description="A cloud's: from its API's answer to its data path obeying, as measured; 0s to 5m. Default: 5s.",
    )


class JobKeys(Keys):
    project_id: int = Field(ge=1, description="The forge's number of the project; its path may change.")
    issuer: units.HttpUrl | None = Field(
        default=None, description="What `iss` says. Default: the forge's address."
    )
    audience: Word = Field(default="", description="What `aud` says. Default: `server.url`.")
    protected: bool = Field(default=True, description="Only jobs of protected branches and tags.")


class RepositoryKeys(Keys):
    url: values.RepositoryUrl = Field(description="Clone address. Never taken from a webhook's body.")
    forge: values.Forge = Field(
        default="git",
        description=f"Who sends the webhooks: {', '.join(values.FORGES)}. git is our own hook; see docs/forges.md.",
    )
    project: Word = Field(
        default="", description="The forge's name of it, such as acme/shop. Default: from `url`."
    )
    secret: SecretText = Field(
        default=SecretStr(""),
        description="The webhook's secret, token or password. Without one every webhook is refused.",
    )
    signing_secret: values.SigningSecret = Field(
        default=SecretStr(""),
        description="GitLab ≥ 19: signing token (whsec_…); Gitee: signing key. When set, unsigned webhooks are refused.",
    )
    token: SecretText = Field(default=SecretStr(""), description="For cloning and the forge's API.")
    api: units.HttpUrl | None = Field(
        default=None,
        description="Address of the forge, such as https://gitlab.example.com. Default: from `url`.",
    )
    reports: bool = Field(
        default=True,
        description="With a token: tell the forge (github, gitlab, gitea, forgejo) what becomes of its commits.",
    )
    jobs: JobKeys | None = Field(
        default=None,
        description="GitLab CI jobs that may start runs and deployments by an id_token; see docs/gitlab.md.",
    )
    submodules: bool = Field(default=False, description="Fetch submodules too.")
    poll: units.Poll = Field(
        default=60.0,
        description="Time between two looks for pushes whose webhook was lost, or of which there is none. off: none.",
    )
    first_sight: FirstSight = Field(
        default=FirstSight.REMEMBER,
        description="What the first look does with the branches that it finds: remember, or start.",
    )


class RouteKeys(Keys):
    domain: units.Domain | None = Field(
        default=None, description="Host name that users ask for. Absent: the proxy's default route."
    )


class EnvironmentKeys(Keys):
    branches: list[RefPattern] = Field(
        default=[], description="Branches that go here; shell patterns such as release/*."
    )
    tags: list[RefPattern] = Field(default=[], description="Tags that go here.")
    hosts: values.Hosts = Field(description="Names, or labels that must all match.")
    replicas: int = Field(default=1, ge=1, le=100, description="Containers on each host.")
    place: int | None = Field(
        default=None, ge=1, description="So many of the hosts are used, chosen by Shipway. Default: all."
    )
    on_host_loss: OnHostLoss = Field(
        default=OnHostLoss.WAIT,
        description="A host that stays silent: wait for it, or replace its replicas on a spare host.",
    )
    host_loss_grace: Duration = Field(
        default=300.0, description="How long a host may be silent before `replace`."
    )
    proxy: Name | None = Field(
        default=None, description="One of `proxies`. Absent: replicas are reached by their own ports."
    )
    load_balancer: Name | None = Field(default=None, description="One of `load_balancers`.")
    route: RouteKeys = Field(default=RouteKeys(), description="What the proxy sends here.")
    env: dict[Identifier, Text] = Field(default={}, description="Environment variables of the replicas.")
    secrets: dict[Identifier, values.RunSecretText] = Field(
        default={},
        description="The same, but masked in logs and sealed at rest. `store:`: one of `shipway secret set`, which must "
        "be there; those whose scope fits come without being named.",
    )
    approve: Approval = Field(
        default=Approval.NONE, description="manual: runs wait for `shipway run approve` before they deploy."
    )
    windows: list[WindowText] = Field(
        default=[], description="When deployments may begin, such as Mon-Thu 09:00-17:00. Empty: always."
    )
    freeze: list[FreezeKeys] = Field(default=[], description="From when until when none may begin.")
    schedules: list[ScheduleKeys] = Field(default=[], description="Runs that come back by the clock.")
    scaling: ScalingKeys | None = Field(
        default=None, description="More and fewer replicas by load; docs/scaling.md."
    )
    rollout: RolloutKeys = Field(
        default=RolloutKeys(), description="How a release is brought onto the hosts."
    )


class RegistryRetentionKeys(Keys):
    delete: bool = Field(
        default=True, description="Delete manifests there; false: the registry tidies itself."
    )


class RetentionKeys(Keys):
    releases: int = Field(
        default=5, ge=1, description="Newest ones of a service that stay in the registry and on the builder."
    )
    age: PositiveDuration = Field(default=90 * 86400.0, description="Younger ones stay in the registry too.")
    logs: PositiveDuration = Field(default=90 * 86400.0, description="How long logs of runs stay.")
    cache: units.Size = Field(default=20 << 30, description="BuildKit's cache on the builder. 0: left alone.")
    disk_floor: units.Size = Field(
        default=256 << 20, description="Free space that a pull must leave on a host."
    )
    build_floor: units.Size = Field(default=1 << 30, description="Free space without which no build begins.")
    registry: RegistryRetentionKeys = Field(
        default=RegistryRetentionKeys(), description="What may be done in the registry."
    )


class MergeRequestKeys(Keys):
    enabled: bool = Field(
        default=True,
        description="Build and test them (GitHub: pull requests). They are never published nor deployed.",
    )
    forks: bool = Field(
        default=False,
        description="Those from forks too: anybody may write what is then run on the builder. They get no secret.",
    )


class ServiceKeys(Keys):
    repository: RepositoryKeys = Field(
        description="Where the code lives and how its webhooks prove themselves."
    )
    path: units.InnerPath = Field(
        default=".",
        description="The folder of the service in a repository of several. Changes elsewhere are not its own.",
    )
    paths: list[PathPattern] = Field(
        default=[],
        description="What is its own beside `path`, or at the root: at all. Written as in .gitignore: libs/, *.proto.",
    )
    ignore: list[PathPattern] = Field(
        default=[], description="Changes that build nothing, written likewise: docs/, *.md."
    )
    merge_requests: MergeRequestKeys = Field(
        default=MergeRequestKeys(), description="What is done with merge and pull requests."
    )
    environments: dict[Name, EnvironmentKeys] = Field(min_length=1, description="Where it runs.")


class FileKeys(Keys):
    server: ServerKeys = Field(default=ServerKeys(), description="The server itself.")
    registry: RegistryKeys = Field(default=RegistryKeys(), description="Where images are kept.")
    builder: BuilderKeys = Field(default=BuilderKeys(), description="Where images are built and tested.")
    hosts: dict[Name, HostKeys] = Field(default={}, description="Machines with a Docker engine.")
    enrolment: EnrolmentKeys | None = Field(
        default=None, description="Where further hosts join; docs/hosts.md."
    )
    proxies: dict[Name, ProxyKeys] = Field(
        default={}, description="nginx or HAProxy containers in front of replicas."
    )
    load_balancers: dict[Name, BalancerKeys] = Field(
        default={}, description="A cloud's entrance in front of the proxies."
    )
    entrances: dict[Name, EntranceKeys] = Field(
        default={},
        description="One DNS name over the load balancers of several regions; see docs/regions.md.",
    )
    services: dict[Name, ServiceKeys] = Field(default={}, description="What is deployed.")
    retention: RetentionKeys = Field(default=RetentionKeys(), description="How long what was made is kept.")
    gitlab_runners: dict[Name, RunnerFleetKeys] = Field(
        default={}, description="GitLab Runner containers on hosts; see docs/gitlab.md."
    )
    pools: dict[Name, PoolKeys] = Field(
        default={}, description="Machines that a cloud makes and deletes; docs/hosts-pools.md."
    )
    backup: BackupKeys = Field(
        default=BackupKeys(), description="Backups of Shipway itself; docs/disaster.md."
    )
    storage: StorageKeys = Field(default=StorageKeys(), description="Where old logs and artifacts go.")
    notices: list[NoticeKeys] = Field(default=[], description="Who is told of what; docs/notices.md.")
