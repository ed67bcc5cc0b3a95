"""What `doctor` says of entrances: records, what the name resolves to, regions from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pipeline.entrances.addresses import NoAddresses
from pipeline.entrances.entrance import Entrance, HealthRule, Provider, Record, Region, Standing
from pipeline.entrances.plan import plan
from pipeline.settings import Server
from runners.examining.entrances import _out, look_at_entrance, look_at_region

HZ, SG = "203.0.113.10", "203.0.113.20"
SHOP = Entrance(
    "shop",
    "shop.example.com",
    Provider.DNSPOD,
    {"hz": Region("hz", HZ, 60), "sg": Region("sg", SG, 40)},
    HealthRule("https://shop.example.com/healthz", probes=("http://probe.example.net/{address}",)),
    "example.com",
)
PLANNED = (
    Record("1", HZ, 60, "", 60, "hz"),
    Record("2", SG, 40, "", 60, "sg"),
)


@dataclass
class Answering:
    records: tuple[Record, ...]
    entrance: Entrance = SHOP

    def plan(self, endpoints: Any, adopt: bool = False, only: frozenset[str] = frozenset()) -> Any:
        return plan(self.entrance, endpoints, self.records, adopt, only)


def told(
    records: tuple[Record, ...], names: Mapping[str, set[str]], tmp_path: Any, entrance: Entrance = SHOP
) -> list[tuple[str, str, str]]:
    providers: Any = {"shop": Answering(records, entrance)}
    server = Server(data=str(tmp_path / "data"))
    found = look_at_entrance(
        entrance, server, providers, NoAddresses(), lambda name: frozenset(names.get(name, ()))
    )
    assert all(bool(one.mend) == (one.level != "ok") for one in found)
    return [(str(one.level), one.text, one.mend) for one in found]


def test_an_entrance_as_planned_is_well(tmp_path):
    found = told(PLANNED, {"shop.example.com": {HZ, SG}}, tmp_path)

    assert [level for level, *_ in found] == ["ok", "ok"]
    assert found[0][1] == "dnspod answers, records of ours for shop.example.com: 2"
    assert found[1][1] == f"shop.example.com resolves to {HZ}, {SG}, as wanted"


PARKED = (PLANNED[0], replace(PLANNED[1], share=0))
FOREIGN = Record("9", "198.51.100.7", 10)
TAKEN = Record("8", SG, 10)


@pytest.mark.parametrize(
    ("records", "seen", "level", "said", "mend"),
    [
        ((), set(), "warn", "create hz: 203.0.113.10", "`shipway regions plan`"),
        (PARKED, {HZ}, "warn", "admit sg: 203.0.113.20", "`shipway regions apply`"),
        ((*PLANNED, FOREIGN), {HZ}, "warn", "198.51.100.7 is not ours", "remove it at the provider"),
        ((PLANNED[0], TAKEN), {HZ}, "bad", f"A {SG} has a region's address", "--adopt"),
        (PLANNED, set(), "bad", "does not resolve from here", "`dig NS example.com`"),
        (
            PLANNED,
            {"198.51.100.9"},
            "bad",
            "198.51.100.9 from here, which is no region",
            "`dig NS example.com`",
        ),
    ],
)
def test_what_is_not_as_wanted_says_how_to_mend_it(records, seen, level, said, mend, tmp_path):
    found = told(records, {"shop.example.com": seen}, tmp_path)

    assert [(one[0], mend in one[2]) for one in found if said in one[1]] == [(level, True)]


def test_a_name_that_nobody_was_told_of_need_not_resolve(tmp_path):
    assert not [one for one in told((), {}, tmp_path) if one[0] == "bad"]


def test_a_region_without_a_share_that_is_still_answered_is_a_warning(tmp_path):
    drained = replace(SHOP, regions=dict(SHOP.regions) | {"sg": Region("sg", SG, 0)})

    found = told(PARKED, {"shop.example.com": {HZ, SG}}, tmp_path, drained)

    assert found[-1][0] == "warn"
    assert f"still resolves to {SG}" in found[-1][1]


def test_regions_with_host_names_are_compared_by_what_these_resolve_to(tmp_path):
    regions = {"eu": Region("eu", "eu.elb.example.net", 50), "us": Region("us", "us.elb.example.net", 50)}
    named = replace(SHOP, regions=regions)
    records = tuple(Record(name, one.address, 50, "", 60, name) for name, one in regions.items())
    names = {"shop.example.com": {"192.0.2.1"}, "eu.elb.example.net": {"192.0.2.1", "192.0.2.2"}}

    assert told(records, names, tmp_path, named)[-1][:2] == (
        "ok",
        "shop.example.com resolves to 192.0.2.1, as wanted",
    )


def test_a_cdn_answers_with_places_of_its_own(tmp_path):
    cdn = replace(SHOP, provider=Provider.ALIYUN_CDN, zone="")

    assert told(PLANNED, {"shop.example.com": {"198.51.100.3"}}, tmp_path, cdn)[-1][0] == "ok"
    assert "CNAME" in told(PLANNED, {}, tmp_path, cdn)[-1][2]


@pytest.mark.parametrize(
    ("standing", "said", "mend"),
    [
        (
            Standing("hz", parked=True, parked_by="ada", reason="switches"),
            "parked by ada (switches)",
            "unpark hz",
        ),
        (Standing("hz", out=True, why="it answered 502"), "hz is out: it answered 502", "`shipway regions`"),
    ],
)
def test_a_region_that_serves_nobody_says_why(standing: Standing, said: str, mend: str):
    (found,) = _out("entrance shop", {"hz": standing})

    assert (str(found.level), said in found.text, mend in found.mend) == ("warn", True, True)


@dataclass
class Eyes:
    here: str = ""
    there: str = ""
    asked: list[str] = field(default_factory=list)

    def look(self, url: str, address: str, timeout: float) -> str:
        self.asked.append(f"{url} at {address}")
        return self.here

    def ask(self, probe: str, region: Region, domain: str, timeout: float) -> str:
        return self.there


@pytest.mark.parametrize(
    ("eyes", "levels"),
    [(Eyes(), ["ok"]), (Eyes("it refuses"), ["bad"]), (Eyes(there="probe x answered 503"), ["ok", "warn"])],
)
def test_a_region_is_told_by_what_is_seen_of_it(eyes: Eyes, levels: list[str]):
    found = look_at_region(SHOP, "hz", eyes, NoAddresses())

    assert [str(one.level) for one in found] == levels
    assert all(bool(one.mend) == (one.level != "ok") for one in found)
    assert eyes.asked == [f"https://shop.example.com/healthz at {HZ}"]
