"""`shipway.yml`, the operator's file, as frozen values."""

from dataclasses import dataclass, field

from pipeline.errors import NotFound
from pipeline.fleet.balancer import LoadBalancer
from pipeline.fleet.host import Host, RegistryAccess
from pipeline.fleet.proxy import Proxy
from pipeline.fleet.service import Environment, Service
from pipeline.retention.policy import Retention
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


@dataclass(frozen=True)
class BuilderSettings:
    engine: str = "unix:///var/run/docker.sock"
    concurrency: int = 2
    timeout: float = 1800.0


@dataclass(frozen=True)
class Settings:
    """All of the operator's file. Mappings keep the file's order."""

    server: Server = field(default_factory=Server)
    registry: RegistryAccess = field(default_factory=lambda: RegistryAccess("127.0.0.1:5000"))
    builder: BuilderSettings = field(default_factory=BuilderSettings)
    hosts: dict[str, Host] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)

    def service(self, name: str) -> Service:
        if name not in self.services:
            known = ", ".join(sorted(self.services)) or "none"
            raise NotFound(f"There is no service {name!r} in the configuration. Known services: {known}.")
        return self.services[name]

    def environment(self, service: str, name: str) -> Environment:
        environments = self.service(service).environments
        if name not in environments:
            known = ", ".join(sorted(environments)) or "none"
            raise NotFound(f"Service {service!r} has no environment {name!r}. It has: {known}.")
        return environments[name]
