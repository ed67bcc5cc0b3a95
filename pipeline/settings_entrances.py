"""Every key under `entrances` of `shipway.yml`, like `settings_keys`, and what must fit together in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline import units
from pipeline.entrances.entrance import Entrance, HealthRule, Kind, Provider, Region, kind_of
from pipeline.faults import Faults, Path, did_you_mean
from pipeline.secret import Secret
from pipeline.settings_access import NO_SECRET, UNPAIRED, SecretKey, is_unpaired
from pipeline.settings_endpoint import UNSAFE, is_safe
from pipeline.settings_rollout import Keys
from pipeline.units import Duration, Name, PositiveDuration, Word

HOST = re.compile(
    r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
HOSTED_ZONE = re.compile(r"Z[A-Z0-9]{3,31}")
LINE = re.compile(r"[^\s\x00-\x1f\x7f]{1,64}")
PLACES = re.compile(r"\{(\w*)\}")
LONGEST_MARK = 50  # characters of a remark at AliDNS
LINED = (Provider.ALIDNS, Provider.DNSPOD)
SHORTEST_TTL = 1


def _address(value: object) -> str:
    found = units.text(value).rstrip(".")
    if found and kind_of(found) is Kind.CNAME and not HOST.fullmatch(found):
        raise ValueError(f"{found!r} is neither an IP address nor the host name of a load balancer")
    return found


def _line(value: str) -> str:
    if value and not LINE.fullmatch(value):
        raise ValueError(f"{value!r} is not a line; write the provider's word, such as telecom")
    return value


def _probe(value: str) -> str:
    unknown = set(PLACES.findall(value)) - {"address", "region", "name"}
    if unknown or units.http_url(PLACES.sub("x", value)) == "":
        raise ValueError("may have only {address}, {region} and {name} in it")
    return value


Address = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]
Line = Annotated[Word, AfterValidator(_line)]
Probe = Annotated[Word, AfterValidator(_probe)]


class RegionKeys(Keys):
    address: Address = Field(
        default="",
        description="What users are sent to: public IP address, or host name of the region's load balancer. Empty: what the "
        "cloud of `load_balancer` says (aliyun-slb, aws-elbv2, aws-elb).",
    )
    share: int = Field(
        default=100, ge=0, le=100, description="Of the answers, against those of the others. 0: none."
    )
    line: Line = Field(
        default="",
        description="alidns, dnspod: only users of this line, in the provider's word. Empty: everybody.",
    )
    load_balancer: Name | None = Field(
        default=None, description="One of `load_balancers`: with no member that serves, the region is sick."
    )


class EntranceHealthKeys(Keys):
    url: units.HttpUrl | None = Field(
        default=None,
        description="Asked at each region's own address; well is an answer below 400. Default: https://<name>/.",
    )
    interval: PositiveDuration = Field(default=10.0, description="Between two looks.")
    timeout: PositiveDuration = Field(default=5.0, description="No answer within it is a bad look.")
    out_after: int = Field(default=3, ge=1, le=1000, description="Bad looks in a row that take a region out.")
    in_after: int = Field(default=5, ge=1, le=1000, description="Good ones that bring it back.")
    hold: Duration = Field(default=60.0, description="Between two changes of one region.")
    probes: list[Probe] = Field(
        default=[],
        description="Further places to look from, with {address}, {region} or {name} in it; 200 is well, and the "
        "majority decides.",
    )


class EntranceKeys(Keys):
    name: units.Domain = Field(description="What users ask for, such as shop.example.com.")
    provider: Provider = Field(description="Who answers for it.")
    zone: Word = Field(
        default="",
        description="route53: id of the hosted zone; alidns, dnspod: the domain at the provider, such as example.com.",
    )
    ttl: int = Field(
        default=60, ge=SHORTEST_TTL, le=86400, description="Seconds for which resolvers may keep an answer."
    )
    endpoint: Word = Field(default="", description="Overrides the address of the provider's API.")
    access_key: Word = Field(
        default="",
        description="Access key id (dnspod: SecretId). Empty: what the SDK finds in its own places.",
    )
    secret_key: SecretKey = NO_SECRET
    regions: dict[Name, RegionKeys] = Field(min_length=2, description="The regions behind it.")
    health: EntranceHealthKeys = Field(
        default=EntranceHealthKeys(), description="When a region is taken out and comes back."
    )

    def entrance(self, name: str) -> Entrance:
        health = dict(self.health) | {"url": self.health.url or f"https://{self.name}/"}
        return Entrance(
            name=name,
            domain=self.name,
            provider=self.provider,
            regions={
                region: Region(region, one.address, one.share, one.line, one.load_balancer or "")
                for region, one in self.regions.items()
            },
            health=HealthRule(**health | {"probes": tuple(self.health.probes)}),
            zone=self.zone.rstrip("."),
            ttl=self.ttl,
            endpoint=self.endpoint,
            access_key=self.access_key,
            secret_key=Secret(self.secret_key.get_secret_value()),
        )


def check_entrances(entrances: Mapping[str, EntranceKeys], balancers: list[str], faults: Faults) -> None:
    """`balancers`: all that were written, also those with other faults."""
    taken: dict[str, str] = {}
    for name, entry in entrances.items():
        path: Path = ("entrances", name)
        for key, fault in (
            *_of_provider(entry),
            *_of_access(entry),
            *_of_addresses(entry),
            *_of_regions(name, entry),
        ):
            faults.add((*path, *key), fault)
        for region, one in entry.regions.items():
            if one.load_balancer and one.load_balancer not in balancers:
                what = f"there is no load balancer '{one.load_balancer}'"
                faults.add(
                    (*path, "regions", region, "load_balancer"),
                    what + did_you_mean(one.load_balancer, balancers),
                )
        if taken.setdefault(entry.name, name) != name:
            faults.add((*path, "name"), f"'{entry.name}' is entrance '{taken[entry.name]}' already")


def _of_provider(entry: EntranceKeys) -> Iterator[tuple[Path, str]]:
    if entry.provider is Provider.ROUTE53 and not HOSTED_ZONE.fullmatch(entry.zone):
        yield ("zone",), "must be the id of the hosted zone, such as Z1D633PJN98FT9"
    if entry.provider in LINED and not f".{entry.name}".endswith(f".{entry.zone or '?'}"):
        yield ("zone",), f"must be the domain at {entry.provider} that '{entry.name}' ends with"
    if entry.provider not in LINED:
        for region, one in entry.regions.items():
            if one.line:
                yield ("regions", region, "line"), f"is only for {' and '.join(LINED)}"


def _of_access(entry: EntranceKeys) -> Iterator[tuple[Path, str]]:
    if is_unpaired(entry):
        yield ("access_key",), UNPAIRED
    if entry.endpoint and not is_safe(entry.endpoint):
        yield ("endpoint",), UNSAFE


def _of_addresses(entry: EntranceKeys) -> Iterator[tuple[Path, str]]:
    for region, one in entry.regions.items():
        if not one.address and (entry.provider is Provider.ALIYUN_CDN or not one.load_balancer):
            what = "is missing; only with a `load_balancer`, and not for aliyun-cdn, can it be asked for"
            yield ("regions", region, "address"), what


def _of_regions(name: str, entry: EntranceKeys) -> Iterator[tuple[Path, str]]:
    kinds = {kind_of(one.address) for one in entry.regions.values() if one.address}
    if len(kinds) > 1:
        yield (
            ("regions",),
            "must all have IPv4 addresses, all IPv6, or all host names; shares hold within one kind",
        )
    if Kind.CNAME in kinds and entry.provider is Provider.ALIDNS:
        yield ("regions",), "alidns weighs only IP addresses; give each region's, or take another provider"
    if not any(one.share for one in entry.regions.values()):
        yield ("regions",), "no region has a share, so nobody would answer"
    places = [(one.address or one.load_balancer, one.line) for one in entry.regions.values()]
    if len(set(places)) < len(places):
        yield ("regions",), "two of them have the same address and line; shares could not tell them apart"
    for region in entry.regions:
        if len(f"shipway.{name}.{region}") > LONGEST_MARK:
            yield (
                ("regions", region),
                f"is too long together with '{name}': a record's mark has room for 41 letters",
            )
