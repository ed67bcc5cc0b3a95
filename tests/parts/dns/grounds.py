"""A ground a provider: its fake on loopback, an entrance over it, and the ways to make it misbehave."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3

from pipeline.entrances.entrance import Endpoint, Entrance, HealthRule, Provider, Record, Region
from pipeline.entrances.plan import Plan, Step
from pipeline.secret import Secret
from runners.dns import account_of, wire_of
from runners.dns.route53 import Route53Wire
from runners.dns.zone import Wire, Zone
from runners.patience import Patience
from tests.parts.balancers.aliyun_server import KEYS as ALIYUN_KEYS
from tests.parts.balancers.aliyun_server import aliyun_server
from tests.parts.balancers.faults import Fault, Faults
from tests.parts.dns import dnspod_cloud, route53_cloud
from tests.parts.dns.alidns_cloud import Alidns
from tests.parts.dns.cdn_cloud import Cdn
from tests.parts.dns.dnspod_cloud import Dnspod, dnspod_server
from tests.parts.dns.route53_cloud import Route53, route53_server

DOMAIN, NAME = "example.com", "shop.example.com"
REGIONS = {"hz": "203.0.113.10", "sg": "203.0.113.20", "fra": "203.0.113.30"}
SHARES = {"hz": 60, "sg": 30, "fra": 10}
QUICK = Patience(deadline=5.0, first=0.02, longest=0.1)


def entrance(provider: Provider, url: str, keys: Mapping[str, str], zone: str = DOMAIN) -> Entrance:
    key, secret = next(iter(keys.items()))
    regions = {name: Region(name, address, SHARES[name]) for name, address in REGIONS.items()}
    rule = HealthRule(f"https://{NAME}/healthz")
    return Entrance("shop", NAME, provider, regions, rule, zone, 60, url, key, Secret(secret))


@dataclass
class Watched:
    """A wire, and the steps that it was told."""

    wire: Wire
    told: list[str] = field(default_factory=list)

    def read(self) -> Sequence[Record]:
        return self.wire.read()

    def write(self, steps: Sequence[Step]) -> str:
        self.told += [f"{step.verb} {step.region}" for step in steps]
        return self.wire.write(steps)

    def settled(self, token: str) -> bool:
        return self.wire.settled(token)


@dataclass
class Ground:
    """`shares_of`: what the provider answers for the name. `fault`: throttled, broken or lost, of each changing call."""

    entrance: Entrance
    shares_of: Callable[[str], Mapping[str, float]]
    add_other: Callable[[str, str], None]
    fault: Callable[[str], None]
    build: Callable[[Entrance], Wire] = wire_of
    marks_records: bool = True  # else the whole name is marked
    answers_names: bool = True  # a CDN does not

    def __post_init__(self) -> None:
        self.watched = Watched(self.build(self.entrance))
        self.zone = Zone(self.entrance, self.watched, QUICK)

    def endpoints(self, **shares: int) -> tuple[Endpoint, ...]:
        """The file's, but for these."""
        wanted = SHARES | shares
        return tuple(Endpoint(name, REGIONS[name], share) for name, share in wanted.items())

    def applied(self, endpoints: Sequence[Endpoint] = (), adopt: bool = False, **shares: int) -> Plan:
        made = self.zone.plan(endpoints or self.endpoints(**shares), adopt)
        self.token = self.zone.apply(made)
        return made

    def answered(self) -> dict[str, float]:
        """Region -> its part of all answers; 0 when it gets none."""
        found = self.shares_of(NAME)
        total = sum(found.values()) or 1.0
        return {name: round(found.get(address, 0.0) / total, 4) for name, address in REGIONS.items()}

    def impatient(self) -> Zone:
        return Zone(self.entrance, self.watched, replace(QUICK, deadline=0.3))

    def stranger(self) -> "Ground":
        """Another entrance of the same name at the same provider."""
        return replace(self, entrance=replace(self.entrance, name="other"))


def _faults(faults: Faults, actions: Sequence[str], codes: Mapping[str, Fault]) -> Callable[[str], None]:
    def fault(kind: str) -> None:
        wanted = codes.get(kind, Fault("", lost=True))
        faults.add(*(replace(wanted, action=action) for action in actions))

    return fault


@cache
def session() -> Any:
    return boto3.session.Session()


@contextmanager
def route53(late: float = 0.0) -> Iterator[Ground]:
    cloud = Route53(late)
    codes = {"throttled": Fault("", "Throttling", 400, 2), "broken": Fault("", "ServiceUnavailable", 503, 2)}
    with route53_server(cloud) as server:
        yield Ground(
            entrance(Provider.ROUTE53, server.url, route53_cloud.KEYS, route53_cloud.ZONE),
            cloud.shares,
            cloud.add_other,
            _faults(cloud.faults, ["ChangeResourceRecordSets"], codes),
            lambda one: Route53Wire(one, account_of(one), session()),
        )


ALIYUN_CODES = {
    "throttled": Fault("", "Throttling.User", 400, 2),
    "broken": Fault("", "ServiceUnavailable", 503, 2),
}


@contextmanager
def alidns(late: float = 0.0) -> Iterator[Ground]:
    cloud, faults = Alidns(DOMAIN), Faults()
    actions = [
        "AddDomainRecord",
        "UpdateDomainRecordRemark",
        "SetDomainRecordStatus",
        "SetDNSSLBStatus",
        "UpdateDNSSLBWeight",
    ]
    with aliyun_server(cloud, faults) as server:
        yield Ground(
            entrance(Provider.ALIDNS, server.url, ALIYUN_KEYS),
            cloud.shares,
            cloud.add_other,
            _faults(faults, actions, ALIYUN_CODES),
        )


@contextmanager
def cdn(late: float = 0.0) -> Iterator[Ground]:
    cloud, faults = Cdn(NAME, late), Faults()
    with aliyun_server(cloud, faults) as server:
        yield Ground(
            entrance(Provider.ALIYUN_CDN, server.url, ALIYUN_KEYS, ""),
            cloud.shares,
            cloud.add_other,
            _faults(faults, ["ModifyCdnDomain", "TagResources"], ALIYUN_CODES),
            marks_records=False,
            answers_names=False,
        )


@contextmanager
def dnspod(late: float = 0.0) -> Iterator[Ground]:
    cloud = Dnspod(DOMAIN)
    codes = {
        "throttled": Fault("", "RequestLimitExceeded", times=2),
        "broken": Fault("", "InternalError", times=2),
    }
    with dnspod_server(cloud) as server:
        yield Ground(
            entrance(Provider.DNSPOD, server.url, dnspod_cloud.KEYS),
            cloud.shares,
            cloud.add_other,
            _faults(cloud.faults, ["CreateRecord", "ModifyRecord", "ModifyRecordStatus"], codes),
        )


MAKERS = {"route53": route53, "alidns": alidns, "dnspod": dnspod, "aliyun-cdn": cdn}
