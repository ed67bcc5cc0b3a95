"""`entrances` of shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.entrances.entrance import Kind, Provider
from pipeline.errors import BadConfig
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings

BALANCERS = "load_balancers:\n  entry: {kind: aliyun-slb, id: lb-bp1, region: cn-hangzhou}\n"
NEEDED = "name: shop.example.com, provider: alidns, zone: example.com"
REGIONS = "hz: {address: 203.0.113.10, share: 60, load_balancer: entry}, sg: {address: 203.0.113.20}"


def parse(lines: str = "", needed: str = NEEDED, regions: str = REGIONS, more: str = "") -> Settings:
    text = f"{BALANCERS}entrances:\n  shop: {{{needed}, regions: {{{regions}}}{', ' if lines else ''}{lines}}}\n{more}"
    return parse_settings(text, {}, lambda path: "", "/etc/shipway")


def fault(**given: str) -> str:
    with pytest.raises(BadConfig) as caught:
        parse(**given)
    return str(caught.value)


def test_an_entrance_is_understood():
    shop = parse(
        "ttl: 30, access_key: AKID, secret_key: hush-hush, health: {out_after: 5, interval: 20s}"
    ).entrances["shop"]

    assert (shop.domain, shop.provider, shop.zone, shop.ttl) == (
        "shop.example.com",
        Provider.ALIDNS,
        "example.com",
        30,
    )
    assert [(one.name, one.share, one.kind) for one in shop.regions.values()] == [
        ("hz", 60, Kind.A),
        ("sg", 100, Kind.A),
    ]
    assert (shop.health.url, shop.health.out_after, shop.health.interval) == (
        "https://shop.example.com/",
        5,
        20.0,
    )
    assert shop.regions["hz"].load_balancer == "entry"


def test_an_address_may_be_left_to_the_load_balancer():
    shop = parse(regions="hz: {load_balancer: entry}, sg: {address: 203.0.113.20}").entrances["shop"]

    assert [one.address for one in shop.regions.values()] == ["", "203.0.113.20"]


def test_its_secret_is_masked():
    assert "hush-hush" in all_secrets(parse("access_key: AKID, secret_key: hush-hush"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"needed": "name: shop.example.com, provider: route53, zone: example.com"}, "id of the hosted zone"),
        ({"needed": "name: shop.example.org, provider: dnspod, zone: example.com"}, "domain at dnspod"),
        ({"needed": "name: shop.example.com, provider: dnspod"}, "domain at dnspod"),
        ({"needed": "name: shop.example.com, provider: bind"}, "provider"),
        ({"needed": "name: 10.0.0.1x!, provider: dnspod, zone: x"}, "is not a host name"),
        ({"regions": "hz: {address: 203.0.113.10}"}, "at least 2"),
        ({"regions": "hz: {address: 203.0.113.10}, sg: {address: '2001:db8::1'}"}, "all have IPv4"),
        (
            {"regions": "hz: {address: a.example.net}, sg: {address: b.example.net}"},
            "weighs only IP addresses",
        ),
        ({"regions": "hz: {address: 203.0.113.1}, sg: {address: 203.0.113.1}"}, "the same address"),
        ({"regions": "hz: {load_balancer: entry}, sg: {load_balancer: entry}"}, "the same address"),
        (
            {"regions": "hz: {share: 60}, sg: {address: 203.0.113.2}"},
            "is missing; only with a `load_balancer`",
        ),
        (
            {
                "needed": "name: shop.example.com, provider: aliyun-cdn",
                "regions": "hz: {load_balancer: entry}, sg: {address: 203.0.113.2}",
            },
            "not for aliyun-cdn",
        ),
        (
            {"regions": "hz: {address: 203.0.113.1, share: 0}, sg: {address: 203.0.113.2, share: 0}"},
            "nobody would",
        ),
        ({"regions": "hz: {address: 203.0.113.1, share: 101}, sg: {address: 203.0.113.2}"}, "at most 100"),
        ({"regions": "hz: {address: 'x;y'}, sg: {address: 203.0.113.2}"}, "neither an IP address"),
        ({"regions": REGIONS.replace("entry", "entyr")}, "did you mean 'entry'?"),
        ({"regions": f"{'h' * 40}: {{address: 203.0.113.1}}, sg: {{address: 203.0.113.2}}"}, "too long"),
        ({"lines": "access_key: AKID"}, "go together"),
        ({"lines": "endpoint: http://10.0.0.1"}, "plain http:// only for 127.0.0.1"),
        (
            {"lines": "health: {probes: ['https://p.example.com/{secret}']}"},
            "only {address}, {region} and {name}",
        ),
        ({"lines": "health: {outafter: 3}"}, "did you mean 'out_after'?"),
        (
            {
                "needed": "name: shop.example.com, provider: aliyun-cdn",
                "regions": "hz: {address: 203.0.113.1, line: telecom}, sg: {address: 203.0.113.2}",
            },
            "only for alidns and dnspod",
        ),
        (
            {"more": f"  again: {{{NEEDED}, regions: {{{REGIONS}}}}}\n"},
            "'shop.example.com' is entrance 'shop' already",
        ),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, str], said: str):
    assert said in fault(**given)
