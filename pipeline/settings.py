"""`shipway.yml`, the operator's file, as frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from pipeline.delivery.findings import Provenance, ScanPolicy
from pipeline.enrolment.doorway import Doorway
from pipeline.entrances.entrance import Entrance
from pipeline.errors import NotFound
from pipeline.fleet.balancer import LoadBalancer
from pipeline.fleet.gitlab_runners import RunnerFleet
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy
from pipeline.fleet.service import Environment, Service
from pipeline.notices.notice import Rule
from pipeline.pools.pool import Pool
from pipeline.recovery.backup import BackupPolicy
from pipeline.recovery.place import Storage
from pipeline.retention.policy import Retention
from pipeline.traces.trace import Traces
from pipeline.user import GitLabSignIn


@dataclass(frozen=True)
class Server:
    url: str = "http://127.0.0.1:8080"
    listen: str = "127.0.0.1:8080"
    data: str = "./data"  # absolute once read: relative to the file
    database: str = ""
    redis: str = ""
    installation: str = ""  # empty: the one that the database keeps
    gitlab: GitLabSignIn | None = None  # people may sign in by it
    timezone: str = "UTC"
    traces: Traces = field(default_factory=Traces)
    scaling_every: float = 15.0  # seconds between two looks at what scales by itself


@dataclass(frozen=True)
class BuilderSettings:
    engine: str = "unix:///var/run/docker.sock"
    concurrency: int = 2
    timeout: float = 1800.0
    scan: ScanPolicy | None = None  # None: images are not scanned
    sbom: bool = False  # the scanner lists packages too
    provenance: Provenance = Provenance.NONE


@dataclass(frozen=True)
class Settings:
    """All of the operator's file. Mappings keep the file's order."""

    server: Server = field(default_factory=Server)
    registry: RegistryAccess = field(default_factory=lambda: RegistryAccess("127.0.0.1:5000"))
    builder: BuilderSettings = field(default_factory=BuilderSettings)
    hosts: Mapping[str, Host] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    gitlab_runners: Mapping[str, RunnerFleet] = field(default_factory=dict)
    notices: tuple[Rule, ...] = ()
    pools: Mapping[str, Pool] = field(default_factory=dict)
    enrolment: Doorway | None = None  # None: nobody joins
    entrances: Mapping[str, Entrance] = field(default_factory=dict)
    backup: BackupPolicy = field(default_factory=BackupPolicy)
    storage: Storage | None = None  # None: all of it stays here

    def service(self, name: str) -> Service:
        if name not in self.services:
            known = ", ".join(sorted(self.services)) or "none"
            raise NotFound(
                f"There is no service {name!r} in the configuration.{_meant(name, self.services)} "
                f"Known services: {known}. `shipway services` lists them."
            )
        return self.services[name]

    def environment(self, service: str, name: str) -> Environment:
        environments = self.service(service).environments
        if name not in environments:
            known = ", ".join(sorted(environments)) or "none"
            raise NotFound(
                f"Service {service!r} has no environment {name!r}.{_meant(name, environments)} It has: {known}. "
                f"`shipway status {service}` shows them."
            )
        return environments[name]


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f" Did you mean {close[0]!r}?" if close else ""
