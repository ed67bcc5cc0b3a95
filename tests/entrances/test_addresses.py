"""Where users reach a region whose address shipway.yml leaves out."""

from dataclasses import dataclass, field, replace

import pytest

from pipeline.entrances.addresses import NoAddresses, addressed
from pipeline.entrances.apply import apply
from pipeline.entrances.entrance import Provider, Region
from pipeline.entrances.whereabouts import with_addresses
from pipeline.errors import BadConfig, Rejected, Unreachable
from tests.entrances.conftest import REGIONS, SHOP

OPEN = replace(SHOP, regions=dict(REGIONS) | {"hz": Region("hz", "", 60, load_balancer="entry")})


@dataclass
class Cloud:
    """Of load balancers. `trouble`: what it raises instead."""

    address: str = "203.0.113.10"
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def of(self, load_balancer):
        self.asked.append(load_balancer)
        if self.trouble:
            raise self.trouble
        return self.address


def test_what_the_file_says_is_asked_of_nobody():
    assert addressed(SHOP, NoAddresses().of) is SHOP


def test_what_it_leaves_out_is_the_load_balancers(stage):
    stage.ports.addresses = Cloud()

    whole = with_addresses(OPEN, stage.ports)

    assert whole == replace(SHOP, regions=whole.regions)
    assert [one.address for one in whole.regions.values()] == ["203.0.113.10", "203.0.113.20"]
    assert stage.ports.addresses.asked == ["entry"]


def test_apply_sends_users_there(stage):
    stage.ports.addresses = Cloud()

    apply(OPEN, "mia", False, False, stage.ports)

    assert stage.wire.records["hz"].value == "203.0.113.10"


def test_while_its_cloud_is_silent_a_region_is_where_users_are_sent(stage):
    apply(SHOP, "mia", False, False, stage.ports)
    stage.ports.addresses = Cloud(trouble=Unreachable("no answer"))

    assert with_addresses(OPEN, stage.ports).regions["hz"].address == "203.0.113.10"


@pytest.mark.parametrize("trouble", [Unreachable("no answer"), Rejected("it is internal")])
def test_an_address_that_nobody_knows_is_an_error(stage, trouble):
    stage.ports.addresses = Cloud(trouble=trouble)

    with pytest.raises(type(trouble)):
        with_addresses(OPEN, stage.ports)


def test_addresses_that_do_not_go_together_are_refused():
    with pytest.raises(BadConfig, match=r"several \(hz lb\.example\.net, sg 203\.0\.113\.20\)"):
        addressed(OPEN, lambda _: "lb.example.net")


def test_alidns_takes_no_host_names():
    regions = {name: Region(name, "", 50, load_balancer=name) for name in ("hz", "sg")}
    named = replace(SHOP, provider=Provider.ALIDNS, regions=regions)

    with pytest.raises(BadConfig, match="alidns weighs only IP addresses"):
        addressed(named, lambda region: f"{region.name}.example.net")
