"""One name over several regions: what shipway.yml asks for, and what a provider has. Nouns only.

A share of 0 means that a region gets no answers. How a provider is told that, its adapter alone knows: to Route 53 it is
weight 0, to AliDNS and DNSPod a disabled record (weight 0 is refused there, or means the full share), to a CDN no source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address

from pipeline.secret import Secret


class Provider(StrEnum):
    ROUTE53 = "route53"
    ALIDNS = "alidns"
    DNSPOD = "dnspod"
    ALIYUN_CDN = "aliyun-cdn"


class Kind(StrEnum):
    """Of a record."""

    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"


def kind_of(address: str) -> Kind:
    """An IP address, or the name of a load balancer."""
    try:
        return Kind.A if ip_address(address).version == 4 else Kind.AAAA
    except ValueError:
        return Kind.CNAME


@dataclass(frozen=True)
class HealthRule:
    """When a region is taken out and back. `url`: what is asked of each region's own address, under the URL's name.
    `probes`: further places that are asked, each an address with {address}, {region} or {name} in it."""

    url: str
    interval: float = 10.0  # seconds
    timeout: float = 5.0
    out_after: int = 3  # bad looks in a row
    in_after: int = 5  # good ones
    hold: float = 60.0  # seconds between two changes of one region
    probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    """`line`: the provider's word for a part of the world; empty: everybody. `load_balancer`: one of shipway.yml, whose
    healthy members count."""

    name: str
    address: str
    share: int = 100
    line: str = ""
    load_balancer: str = ""

    @property
    def kind(self) -> Kind:
        return kind_of(self.address)


@dataclass(frozen=True)
class Entrance:
    """One entry under `entrances`."""

    name: str
    domain: str  # what users ask for
    provider: Provider
    regions: Mapping[str, Region]
    health: HealthRule
    zone: str = ""  # route53: id of the hosted zone; alidns and dnspod: the domain that they serve
    ttl: int = 60
    endpoint: str = ""  # overrides the address of the provider's API
    access_key: str = ""
    secret_key: Secret = field(default_factory=lambda: Secret(""))

    def mark(self, region: str) -> str:
        """What makes a record ours; dots, since AliDNS takes nothing rarer in a remark."""
        return f"shipway.{self.name}.{region}"

    def marked(self, text: str) -> str:
        """The region that a mark names; empty: it is not ours."""
        prefix = self.mark("")
        return text.removeprefix(prefix) if text.startswith(prefix) else ""


@dataclass(frozen=True)
class Endpoint:
    """What a region is to get now."""

    region: str
    value: str
    share: int
    line: str = ""

    @property
    def kind(self) -> Kind:
        return kind_of(self.value)


@dataclass(frozen=True)
class Record:
    """What the provider has. `share` is what it amounts to: 0 when it is not answered, however the provider says that.
    `region` empty: it does not carry our mark."""

    id: str
    value: str
    share: int
    line: str = ""
    ttl: int = 0
    region: str = ""

    @property
    def kind(self) -> Kind:
        return kind_of(self.value)

    @property
    def ours(self) -> bool:
        return bool(self.region)


@dataclass(frozen=True)
class Change:
    """`regions`: those that it is about; empty: all. `token`: the provider's id of it; empty where it has none."""

    entrance: str
    what: str  # one line for people
    by: str
    at: datetime
    regions: tuple[str, ...] = ()
    id: int = 0
    token: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """One look at one region. `why` says what is wrong, or what was seen."""

    region: str
    well: bool
    why: str = ""


@dataclass(frozen=True)
class Standing:
    """What is remembered of one region of one entrance. `out`: taken out since it looked sick. `parked`: by a person,
    until somebody unparks it."""

    region: str
    out: bool = False
    bad: int = 0  # looks in a row
    good: int = 0
    why: str = ""  # of the last look that was bad
    seen_at: datetime | None = None
    changed_at: datetime | None = None
    parked: bool = False
    parked_by: str = ""
    parked_at: datetime | None = None  # or unparked
    reason: str = ""

    @property
    def serves(self) -> bool:
        return not self.out and not self.parked
