"""Providers of entrances by their names in shipway.yml. Adding one: write the module, add a line here and in `Provider`, and
run tests/contracts/test_dns.py over it.

A provider is imported when an entrance of it is first asked for: a cloud's SDK costs a fifth of a second and may be missing.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from threading import RLock

from pipeline.entrances.book import Dns
from pipeline.entrances.entrance import Entrance, Provider
from pipeline.errors import BadConfig
from runners.cloud_account import CloudAccount
from runners.dns.zone import Wire, Zone

TABLE: dict[Provider, str] = {
    Provider.ROUTE53: "runners.dns.route53:Route53Wire",
    Provider.ALIDNS: "runners.dns.alidns:AlidnsWire",
    Provider.DNSPOD: "runners.dns.dnspod:DnspodWire",
    Provider.ALIYUN_CDN: "runners.dns.cdn:CdnWire",
}
EXTRAS = {Provider.ROUTE53: "aws", Provider.ALIDNS: "aliyun", Provider.ALIYUN_CDN: "aliyun"}


class Providers(Mapping[str, Dns]):
    """One for each entrance, made when it is first asked for and kept."""

    def __init__(self, entrances: Mapping[str, Entrance]) -> None:
        self._entrances = entrances
        self._made: dict[str, Zone] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> Dns:
        with self._lock:
            if name not in self._made:
                entrance = self._entrances[name]
                self._made[name] = Zone(entrance, wire_of(entrance))
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entrances)

    def __len__(self) -> int:
        return len(self._entrances)


def wire_of(entrance: Entrance) -> Wire:
    module, _, name = TABLE[entrance.provider].partition(":")
    try:
        made: Wire = getattr(import_module(module), name)(entrance, account_of(entrance))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(entrance.provider)
        if extra is None:
            raise
        raise BadConfig(
            f"Entrance {entrance.name}: {entrance.provider} needs the Python package {error.name}, which is not "
            f"installed where Shipway runs. Install it: pip install 'shipway[{extra}]'."
        ) from error
    return made


def account_of(entrance: Entrance) -> CloudAccount:
    return CloudAccount(
        name=f"Entrance {entrance.name} ({entrance.domain})",
        rights="docs/regions.md",
        endpoint=entrance.endpoint,
        access_key=entrance.access_key,
        secret_key=entrance.secret_key,
    )
