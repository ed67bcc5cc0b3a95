"""What a host needs to join: an invitation, and what it says of itself when it comes. Nouns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

LIFE = 15 * 60.0  # seconds


class Via(StrEnum):
    """How its engine is reached: by an agent that it runs and that calls us, or by TLS on its private address."""

    AGENT = "agent"
    TLS = "tls"


@dataclass(frozen=True)
class Invitation:
    """Its token is shown once and kept as a hash. `key`: fingerprint of the first key that came with it, which alone may
    come again; `host`: the name that this one was given. Empty: nobody came yet."""

    expires_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    region: str = ""
    name: str = ""  # empty: what the machine calls itself
    pool: str = ""
    provider: str = ""
    instance: str = ""  # the cloud's id of the machine that is meant; empty: any
    via: Via = Via.AGENT
    by: str = ""
    key: str = ""
    host: str = ""


@dataclass(frozen=True)
class SigningRequest:
    """A request for a certificate that was read: its key signed it, and is of a kind that we take. `names`: what it
    wants to be called, which is never granted."""

    fingerprint: str  # SHA-256 of its public key
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Newcomer:
    """What a machine says of itself, and `peer`, which we see. None of it is believed where it matters."""

    peer: str
    hostname: str = ""
    address: str = ""  # private, on which its replicas will publish their ports
    provider: str = ""
    instance: str = ""
    region: str = ""
    size: str = ""
    engine_version: str = ""


@dataclass(frozen=True)
class HostCertificate:
    """A certificate that we gave to a host. `serial` in hexadecimal."""

    serial: str
    host: str
    key: str  # fingerprint
    usage: str  # server | client
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str = ""
