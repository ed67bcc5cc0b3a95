"""A machine with a Docker engine, and how it is reached. Nothing here talks to it."""

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.secret import Secret


@dataclass(frozen=True)
class TlsFiles:
    """PEM files for `tcp:` engines: our client certificate and the authority that signed the engine's."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True)
class SshFiles:
    """For `ssh:` engines: our private key and the host keys that are trusted. Empty: what the user's own ssh knows."""

    key: str = ""
    known_hosts: str = ""


@dataclass(frozen=True)
class Host:
    """One entry under `hosts`. Two entries may name the same engine; labels keep their containers apart."""

    name: str
    engine: str  # unix:///path · tcp://address:port · ssh://user@address[:port] · agent:name
    address: str  # private address on which replicas publish their ports
    region: str = ""
    instance: str = ""  # the cloud's id of the machine, as its load balancers know it; empty: its address
    labels: dict[str, str] = field(default_factory=dict)
    tls: TlsFiles | None = None
    ssh: SshFiles = SshFiles()
    ports: tuple[int, int] = (
        20000,
        29999,
    )  # published ports are taken from here, below Linux's ephemeral range

    @property
    def agent(self) -> str:
        """The name of the agent that reaches it; empty when it is reached otherwise."""
        return self.engine.removeprefix("agent:") if self.engine.startswith("agent:") else ""


@dataclass(frozen=True)
class HostState:
    """What happened to a host beyond the file. `returned_at`: it is back (resumed, or it answers again), and what its
    environments should have there is not proved yet."""

    name: str
    drained_at: datetime | None = None
    drained_by: str = ""
    reason: str = ""  # of the drain
    silent_since: datetime | None = None
    returned_at: datetime | None = None

    @property
    def drained(self) -> str:
        """In words; empty while it is not."""
        why = f": {self.reason}" if self.reason else ""
        return f"it is drained (by {self.drained_by}{why})" if self.drained_at else ""


@dataclass(frozen=True)
class RegistryAccess:
    """Where images are kept, and the credentials for it (empty: anonymous)."""

    address: str
    namespace: str = ""
    insecure: bool = False
    kind: str = "none"  # none | basic | docker | ecr | acr
    username: str = ""  # ecr, acr: the access key
    password: Secret = field(default_factory=lambda: Secret(""))
    file: str = ""  # docker: its config.json
    region: str = ""  # ecr, acr: when the address does not tell
    instance: str = ""  # acr: of the Enterprise Edition
    endpoint: str = ""  # ecr, acr: overrides the address of the cloud's API

    def repository(self, service: str) -> str:
        """`registry/namespace/service`, without a tag. Engines refuse capital letters behind the address."""
        return "/".join(part for part in (self.address, self.namespace.lower(), service.lower()) if part)
