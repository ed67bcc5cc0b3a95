"""A host that is in no file: it was invited, or a pool asked its cloud for it. The database remembers it."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.fleet.host import Host, TlsFiles

# for a host that trusts our own authority: each machine of ours has the files at a place of its own
OURS = TlsFiles("ours", "ours", "ours")


@dataclass(frozen=True)
class Joined:
    """`host` is used as one of `shipway.yml` is. A protected one is never picked when a pool shrinks."""

    host: Host
    joined_at: datetime
    pool: str = ""  # empty: it was invited by a person
    provider: str = ""
    size: str = ""  # in the provider's words: ecs.c7.large, or 4 CPUs, 8 GiB
    engine_version: str = ""
    protected: bool = False

    @property
    def name(self) -> str:
        return self.host.name
