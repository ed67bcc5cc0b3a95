"""shipway.yml: what is understood."""

import pytest

from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from pipeline.fleet.host import SshFiles, TlsFiles
from pipeline.rollout.policy import Compare, OnFailure, Order, Policy
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets
from tests.settings.ground import HOSTS, SERVICE, faults, parse


def test_an_empty_file_is_the_defaults():
    settings = parse("")

    assert settings == Settings(server=settings.server)
    assert settings.server.data == "/etc/shipway/data"


def test_hosts_take_their_address_from_the_engine():
    hosts = parse(HOSTS).hosts

    assert [host.address for host in hosts.values()] == ["10.0.0.11", "10.0.0.12", "127.0.0.1"]
    assert hosts["web-1"].region == "hz"
    assert hosts["web-1"].ports == (20000, 29999)


def test_an_address_wins_over_the_engines():
    text = 'hosts: {a: {engine: "ssh://deploy@build.example.com", address: 10.0.0.9, ports: 30000-30010}}'

    host = parse(text).hosts["a"]

    assert (host.address, host.ports) == ("10.0.0.9", (30000, 30010))


def test_certificates_are_relative_to_the_file():
    text = 'hosts: {a: {engine: "tcp://10.0.0.9:2376", tls: {ca: ca.pem, cert: ../c.pem, key: /k.pem}}}'

    assert parse(text).hosts["a"].tls == TlsFiles("/etc/shipway/ca.pem", "/etc/c.pem", "/k.pem")


def test_ssh_files_are_found_beside_the_file_and_may_be_left_out():
    some = 'hosts: {a: {engine: "ssh://me@10.0.0.9", ssh: {key: id}}, b: {engine: "ssh://me@10.0.0.8"}}'

    hosts = parse(some).hosts

    assert hosts["a"].ssh == SshFiles(key="/etc/shipway/id")
    assert hosts["b"].ssh == SshFiles()


def test_an_environment_names_hosts_or_labels():
    environments = parse(HOSTS + SERVICE).services["shop"].environments

    assert [host.name for host in environments["test"].hosts] == ["web-1"]
    assert [host.name for host in environments["production"].hosts] == ["web-1", "web-2"]


def test_values_of_env_are_the_texts_that_were_written():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.env == {
        "VERSION": "1.10",
        "MODE": "0755",
        "COUNTRY": "no",
        "DEBUG": "true",
        "EMPTY": "",
    }


def test_the_rollout_is_understood():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.policy == Policy(
        order=Order.STOP_FIRST,
        batch="50%",
        bake=90.0,
        on_failure=OnFailure.PAUSE,
        healthy_for=0.5,
        deadline=90.0,
    )
    assert production.proxy == parse(HOSTS).proxies["front"]
    assert (production.load_balancer, production.domain, production.replicas) == (
        "entry",
        "shop.example.com",
        2,
    )


def test_metrics_are_understood_and_their_token_is_masked():
    entry = '{prometheus: "https://p.example.com/", query: "up{app=\'{service}\'}", max: 0.5, token: "file:secrets/db"}'
    settings = parse(HOSTS + SERVICE.replace("batch: 50%,", f"batch: 50%, metrics: [{entry}],"))

    criterion = settings.environment("shop", "production").policy.metrics[0]

    assert (criterion.url, criterion.most) == ("https://p.example.com", 0.5)
    assert criterion.about("shop", "production", 7) == "up{app='shop'}"
    assert criterion.token.reveal() in all_secrets(settings)
    assert criterion.token.reveal() not in repr(criterion)


@pytest.mark.parametrize(
    ("written", "compare"),
    [
        ("{errors: 0.5%, latency: 2x, min_requests: 100}", Compare(0.005, 2.0, 100)),
        ("{errors: 0.1}", Compare(errors=0.1)),
        ("{enabled: false, errors: 1%}", None),
        ("{}", Compare()),
    ],
)
def test_what_is_compared_is_understood(written, compare):
    text = HOSTS + SERVICE.replace("batch: 50%,", f"batch: 50%, compare: {written},")

    assert parse(text).environment("shop", "production").policy.compare == compare


def test_a_load_balancer_becomes_its_noun():
    text = HOSTS + "  inner: {kind: haproxy, id: web, endpoint: 'unix:///run/haproxy.sock', port: 8081}\n"
    text += "  both: {kind: chain, of: [entry, inner]}\n"
    text += "  alb: {kind: aliyun-alb, id: alb-bp1, group: sgp-bp1, region: cn-hangzhou}\n"

    found = parse(text).load_balancers

    assert found == {
        "entry": LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-bp1", region="cn-hangzhou"),
        "inner": LoadBalancer(
            "inner", BalancerKind.HAPROXY, "web", port=8081, endpoint="unix:///run/haproxy.sock"
        ),
        "alb": LoadBalancer("alb", BalancerKind.ALIYUN_ALB, "alb-bp1", "sgp-bp1", region="cn-hangzhou"),
        "both": LoadBalancer("both", BalancerKind.CHAIN, of=("entry", "inner")),
    }


@pytest.mark.parametrize(
    ("written", "settle"),
    [("", None), (", settle: 0s", 0.0), (", settle: 1500ms", 1.5), (", settle: 5m", 300.0)],
)
@pytest.mark.parametrize(
    "entry",
    [
        "kind: aliyun-slb, id: x, region: r",
        "kind: aliyun-alb, id: x, group: y, region: r",
        "kind: aws-elbv2, id: x",
        "kind: aws-elb, id: x",
    ],
)
def test_how_soon_a_cloud_obeys_may_be_said(entry, written, settle):
    assert parse(f"load_balancers: {{l: {{{entry}{written}}}}}").load_balancers["l"].settle == settle


def test_a_load_balancers_key_is_masked_and_does_not_print():
    text = "load_balancers: {l: {kind: aws-elbv2, id: a, access_key: AKIA1, secret_key: 'file:secrets/db'}}"

    settings = parse(text)

    assert all_secrets(settings) == ["postgres://shop:pw@db/shop"]
    assert "postgres://shop" not in repr(settings)


def test_a_hosts_instance_is_kept():
    assert parse("hosts: {a: {engine: 'unix:///s', instance: i-1}}").hosts["a"].instance == "i-1"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("kind: aliyun-slbb, id: x", "kind: there is no kind of load balancer 'aliyun-slbb'"),
        ("kind: aliyun-alb, id: x, region: r", "group: is missing; aliyun-alb needs its server group"),
        (
            "kind: aliyun-alb, id: x, group: 'a b', region: r",
            "group: is missing; aliyun-alb needs its server",
        ),
        (
            "kind: aliyun-alb, id: sgp-1, group: sgp-1, region: r",
            "id: is a server group; write it under `group`",
        ),
        ("kind: aliyun-alb, group: sgp-1, region: r", "id: aliyun-alb needs the name of what it is"),
        ("kind: aliyun-alb, id: x, group: y", "region: is missing; give the cloud's name of it"),
        ("kind: aliyun-slb, region: r", "id: aliyun-slb needs the name of what it is"),
        ("kind: aliyun-slb, id: x", "region: is missing; give the cloud's name of it, such as cn-hangzhou"),
        ("kind: aws-elb, id: 'a b'", "id: aws-elb needs the name of what it is"),
        ("kind: aws-elb, id: x, group: y", "group: is only for kind: aliyun-slb or aliyun-alb"),
        ("kind: aws-elb, id: x, of: [y]", "of: is only for kind: chain"),
        ("kind: aws-elb, id: x, access_key: y", "access_key: and secret_key go together; give both"),
        ("kind: aws-elb, id: x, endpoint: 'http://10.0.0.1'", "endpoint: is not an address of an API"),
        ("kind: haproxy, id: x", "endpoint: haproxy needs unix:///path or tcp://host:port"),
        ("kind: nginx, id: x, endpoint: /etc/nginx", "endpoint: nginx needs file:///path of its nginx.conf"),
        ("kind: aws-elb, id: x, settle: 301s", "settle: must be from 0s to 5m"),
        ("kind: aws-elb, id: x, settle: soon", "settle: 'soon' is not a duration"),
        ("kind: haproxy, id: x, settle: 2s", "settle: is only for the clouds' kinds; haproxy obeys at once"),
        ("kind: nginx, id: x, settle: 0s", "settle: is only for the clouds' kinds; nginx obeys at once"),
        ("kind: chain, of: [y], settle: 0s", "settle: is not for a chain; its members have their own"),
        ("kind: chain", "of: is empty; name the load balancers of the chain, the outermost first"),
        ("kind: chain, of: [y]", "of[0]: there is no load balancer 'y'"),
        ("kind: chain, of: [l]", "of[0]: 'l' leads back to 'l'; a chain must end"),
        ("kind: chain, of: [m]}, m: {kind: chain, of: [l]", "of[0]: 'm' leads back to 'l'; a chain must end"),
        ("kind: chain, id: x, of: [y]", "id: is not for a chain; its members have their own"),
    ],
)
def test_a_wrong_load_balancer_is_told_in_words(entry, fault):
    found = faults(f"load_balancers: {{l: {{{entry}}}}}")

    assert any(line.startswith(f"load_balancers.l.{fault}") for line in found), found


def test_plain_http_is_taken_on_this_machine_only():
    text = "load_balancers: {l: {kind: aws-elbv2, id: x, endpoint: 'http://127.0.0.1:5000'}}"

    assert parse(text).load_balancers["l"].endpoint == "http://127.0.0.1:5000"


def test_registry_and_builder_are_understood():
    settings = parse(
        """
registry: {address: "r.example.com", namespace: acme/web, auth: {kind: basic, username: ci, password: "file:secrets/db"}}
builder: {engine: "tcp://10.0.0.5:2375", concurrency: 4, timeout: 1h}
"""
    )

    assert settings.registry.repository("shop") == "r.example.com/acme/web/shop"
    assert settings.registry.password.reveal() == "postgres://shop:pw@db/shop"
    assert settings.builder.timeout == 3600.0


def test_anchors_and_merges_work():
    text = HOSTS.replace("web-2: {", "web-2: {<<: &d {region: sh}, ")

    assert parse(text).hosts["web-2"].region == "sh"
