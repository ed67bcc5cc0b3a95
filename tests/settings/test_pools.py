"""`pools` of shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.errors import BadConfig
from pipeline.pools.pool import Provider
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings

ECS = "provider: aliyun, region: cn-hangzhou, type: ecs.c7.large, image: m-1, subnet: vsw-1, security_group: sg-1"
SHOP = """
services:
  shop:
    repository: {url: /srv/git/shop.git}
    environments:
      production: {hosts: {role: web}}
"""


def parse(lines: str, more: str = "", name: str = "web") -> Settings:
    return parse_settings(
        f"pools:\n  {name}: {{{lines}}}\n{more}", {}, lambda path: "hush-hush", "/etc/shipway"
    )


def test_a_pool_is_understood():
    pool = parse(f"{ECS}, min: 2, max: 8, spot: true, labels: {{role: web}}, fuse: 2h").pools["web"]

    assert (pool.name, pool.provider, pool.min, pool.max) == ("web", Provider.ALIYUN, 2, 8)
    assert (pool.type, pool.spot, pool.labels, pool.fuse) == ("ecs.c7.large", True, {"role": "web"}, 7200.0)
    assert (pool.join_within, pool.clamp(1), pool.clamp(99)) == (900.0, 2, 8)


def test_its_secret_is_masked_and_does_not_print():
    settings = parse(f"{ECS}, max: 1, access_key: AKID, secret_key: 'file:key'")

    assert "hush-hush" in all_secrets(settings)
    assert "hush-hush" not in repr(settings)


def test_an_environment_may_wait_for_hosts_of_a_pool():
    settings = parse(f"{ECS}, max: 3, labels: {{role: web}}", SHOP)

    assert settings.environment("shop", "production").hosts == ()


def test_a_pool_with_other_labels_is_no_help():
    with pytest.raises(BadConfig, match=r"no host has the labels \{role: web\}"):
        parse(f"{ECS}, max: 3, labels: {{role: api}}", SHOP)


def test_so_many_hosts_may_come():
    text = SHOP.replace("{role: web}}", "{role: web}, place: 4}")

    with pytest.raises(BadConfig, match="place: is 4, but only 3 hosts are selected"):
        parse(f"{ECS}, max: 3, labels: {{role: web}}", text)
    assert parse(f"{ECS}, max: 4, labels: {{role: web}}", text)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (f"{ECS}, min: 3, max: 2", r"pools.web.min: is 3, more than max \(2\)"),
        (f"{ECS}, max: 2, fuse: 10m", "pools.web.fuse: is too short; at least 1h"),
        (f"{ECS}, max: 2, fuse: 1h, join_within: 2h", "join_within: must be shorter than fuse"),
        ("provider: aws, max: 2, region: eu-central-1", "pools.web.image: is missing; aws needs it"),
        ("provider: lab, max: 2", "pools.web.command: is missing; lab needs it"),
        ("provider: lab, max: 2, command: [x], spot: true", "pools.web.spot: is not for provider lab"),
        (f"{ECS}, max: 2, command: [x]", "pools.web.command: is only for provider lab"),
        (f"{ECS}, max: 2, access_key: a", "pools.web.access_key: and secret_key go together"),
        (
            f"{ECS}, max: 2, endpoint: 'http://ecs.example.com'",
            "pools.web.endpoint: is not an address of an API",
        ),
        (f"{ECS}, max: 2, load_balancer: entry", "there is no load balancer 'entry'"),
        (f"{ECS}, max: 2, provider: gcp", "pools.web.provider"),
        (f"{ECS}, max: 2, sport: true", "Did you mean|spot"),
    ],
)
def test_what_is_wrong_is_told(lines: str, fault: str):
    with pytest.raises(BadConfig, match=fault):
        parse(lines.replace("provider: aliyun, ", "", 1) if "gcp" in lines else lines)


def test_a_name_leaves_room_for_those_of_its_machines():
    with pytest.raises(BadConfig, match="is too long a name; at most 30 letters"):
        parse(f"{ECS}, max: 2", name="w" * 31)
