"""Only checked values reach a configuration file."""

from dataclasses import replace

import pytest

from pipeline.errors import ConfigRefused
from pipeline.fleet.proxy import Backend, Route, Site, SiteWanted
from runners.proxies.values import checked

SITE = Site("front", "web-1")
GOOD = Route(SITE, "shop", "production", "Shop.Example.com", (Backend("10.0.0.1:20000", "web-1", 1),))


def wanted(*routes: Route) -> SiteWanted:
    return SiteWanted(SITE, 1, routes)


def test_domains_become_lower_case_and_routes_sorted():
    other = replace(GOOD, service="blog", domain="")

    assert [route.domain for route in checked(wanted(GOOD, other)).routes] == ["", "shop.example.com"]


@pytest.mark.parametrize(
    "domain",
    ["a b.com", "a;b", "a\nb", "-a.com", "a..b", "$host", "{x}", "a_b.com", "*.example.com", "x" * 64],
)
def test_domain_that_could_be_more_than_a_name_is_refused(domain: str):
    with pytest.raises(ConfigRefused, match=r"route\.domain"):
        checked(wanted(replace(GOOD, domain=domain)))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0:1",
        "host:80",
        "10.0.0.1:80 backup",
        "[::1]:80",
        ":1",
    ],
)
def test_address_that_is_none_is_refused(address: str):
    with pytest.raises(ConfigRefused, match=r"hosts\.web-1\.address"):
        checked(wanted(replace(GOOD, backends=(Backend(address, "web-1", 1),))))


@pytest.mark.parametrize("service", ["a b", "a;", "", "ä", "a/b", "\n"])
def test_name_that_could_be_more_is_refused(service: str):
    with pytest.raises(ConfigRefused, match="name"):
        checked(wanted(replace(GOOD, service=service, environment="")))


def test_two_routes_of_one_domain_are_refused_by_name():
    with pytest.raises(
        ConfigRefused, match=r"blog_production, shop_production all ask for the domain shop\.example\.com"
    ):
        checked(wanted(GOOD, replace(GOOD, service="blog")))
    with pytest.raises(ConfigRefused, match="default route"):
        checked(wanted(replace(GOOD, domain=""), replace(GOOD, service="blog", domain="")))


def test_two_services_that_come_to_one_name_are_refused():
    first = replace(GOOD, service="a_b", environment="c", domain="one.example.com")
    second = replace(GOOD, service="a", environment="b_c", domain="two.example.com")

    with pytest.raises(ConfigRefused, match="a_b_c"):
        checked(wanted(first, second))


@pytest.mark.parametrize(
    "path", ["/a b", "/a#b", "/'a", '/"a', "/a\\b", "/a\nb", "/${HOME}", "a", "", "/" + "x" * 256]
)
def test_path_that_no_file_could_name_safely_is_not_asked(path: str):
    assert checked(wanted(replace(GOOD, health=path))).routes[0].health == ""


def test_plain_path_is_asked_as_it_is():
    assert (
        checked(wanted(replace(GOOD, health="/api/v1/ready?deep=1&x=%20"))).routes[0].health.endswith("%20")
    )
