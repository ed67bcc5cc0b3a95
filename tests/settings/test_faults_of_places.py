"""What is told of keys that do not fit each other: repositories, routes, proxies, hosts."""

import pytest

from tests.settings.ground import HOSTS, SERVICE, faults, parse, with_environment


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("--upload-pack=x", "is not a clone address"),
        ("ext::sh -c id", "is not a clone address"),
        ("https://-x/a", "is not a clone address"),
        ("git://h/a", "is not a clone address"),
        ("https://u:hunter22@h/a", "has credentials in it"),
    ],
)
def test_clone_addresses_that_could_hurt_are_refused(url, fault):
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", f'"{url}"')

    told = faults(text)

    assert told[1].startswith(f"services.shop.repository.url: {fault}")
    assert "hunter22" not in "".join(told)


def test_a_missing_project_is_told():
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", "https://git.example.com")

    assert faults(text)[1].startswith("services.shop.repository.project: is missing; give the forge's name")


def test_a_service_must_be_able_to_name_an_image():
    text = with_environment("branches: [main]").replace("  shop:", "  shop-:")

    assert faults(text)[1] == "services.shop-: cannot be an image's name; let it end with a letter or digit"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../b"])
def test_a_path_out_of_the_repository_is_refused(path):
    text = with_environment("branches: [main]").replace(
        "    environments:", f"    path: {path}\n    environments:"
    )

    assert faults(text)[1].startswith(f"services.shop.path: '{path}' leads out of the repository")


def two(first: str, second: str) -> str:
    return f"""{HOSTS}
services:
  shop:
    repository: {{url: /srv/shop.git}}
    environments:
      one: {{{first}}}
      two: {{{second}}}
"""


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        (
            "hosts: [web-1], proxy: front",
            "hosts: {role: web}, proxy: front",
            "shop/one is already the default route of proxy front on web-1; give one of the two a route.domain",
        ),
        (
            "hosts: [web-1], proxy: central",
            "hosts: [web-2], proxy: central",
            "shop/one is already the default route of proxy central on edge; give one of the two a route.domain",
        ),
        (
            "hosts: [web-1], proxy: front, route: {domain: a.example.com}",
            "hosts: [web-1], proxy: front, route: {domain: A.example.com.}",
            "the domain a.example.com already leads to shop/one on proxy front of web-1; one domain, one environment",
        ),
    ],
)
def test_routes_that_collide_are_told(first, second, fault):
    assert faults(two(first, second))[1:] == [f"services.shop.environments.two.route: {fault}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hosts: [web-1], proxy: front", "hosts: [web-2], proxy: front"),
        ("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: front, route: {domain: a.example.com}"),
        ("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: central"),
        ("hosts: [web-1]", "hosts: [web-1]"),
    ],
)
def test_routes_beside_each_other_are_fine(first, second):
    assert len(parse(two(first, second)).services["shop"].environments) == 2


def test_two_proxies_on_one_port_are_told():
    text = two("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: other")
    text = text.replace("  central:", "  other: {kind: nginx, image: x}\n  central:")

    assert faults(text)[1].startswith(
        "proxies.other: would listen on 10.0.0.11:80 of host web-1, where proxy front"
    )


def test_two_host_entries_with_one_address_cannot_both_have_the_proxy():
    text = two("hosts: [web-1, web-2], proxy: front", "hosts: [edge]").replace("10.0.0.12", "10.0.0.11")

    assert faults(text)[1].startswith("proxies.front: would listen on 10.0.0.11:80 of host web-2")


def test_a_host_with_a_fault_is_not_called_unknown():
    text = (HOSTS + SERVICE).replace('"tcp://10.0.0.11:2375"', "nonsense")

    assert [line.partition(":")[0] for line in faults(text)[1:]] == ["hosts.web-1.engine"]


def test_labels_of_a_host_with_a_fault_are_not_called_missing():
    text = (
        (HOSTS + SERVICE).replace('"tcp://10.0.0.11:2375"', "nonsense").replace('"tcp://10.0.0.12:2375"', "x")
    )

    assert [line.partition(":")[0] for line in faults(text)[1:]] == [
        "hosts.web-1.engine",
        "hosts.web-2.engine",
    ]


def test_a_proxy_on_an_unknown_host_is_told_once():
    text = two("hosts: [web-1], proxy: central", "hosts: [web-1]").replace("hosts: [edge]", "hosts: [edg]")

    assert faults(text)[1:] == ["proxies.central.hosts[0]: there is no host 'edg'; did you mean 'edge'?"]
