"""The table of kinds: all of them, late, once."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from pipeline.errors import BadConfig
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from runners import balancers
from runners.balancers import TABLE, Balancers
from runners.balancers.chain import Chain

ENTRIES = {
    "slb": LoadBalancer("slb", BalancerKind.ALIYUN_SLB, "lb-1", region="cn-hangzhou"),
    "alb": LoadBalancer("alb", BalancerKind.ALIYUN_ALB, "alb-1", "sgp-1", region="cn-hangzhou"),
    "group": LoadBalancer("group", BalancerKind.AWS_ELBV2, "arn:aws:elasticloadbalancing:eu-west-1:1:t/a/b"),
    "classic": LoadBalancer("classic", BalancerKind.AWS_ELB, "classic", region="eu-west-1"),
    "edge": LoadBalancer("edge", BalancerKind.HAPROXY, "web", endpoint="unix:///run/haproxy.sock"),
    "front": LoadBalancer("front", BalancerKind.NGINX, "web", endpoint="file:///etc/nginx/nginx.conf"),
    "both": LoadBalancer("both", BalancerKind.CHAIN, of=("slb", "edge")),
}


def test_every_kind_has_its_file():
    assert set(TABLE) == set(BalancerKind) == {entry.kind for entry in ENTRIES.values()}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_is_made_once_and_asks_nobody_yet(name):
    found = Balancers(ENTRIES)

    assert found[name] is found[name]
    assert found[name].entry == ENTRIES[name]


def test_the_parts_of_a_chain_are_those_that_are_asked_alone(monkeypatch):
    made = []
    monkeypatch.setattr(Chain, "__init__", lambda self, entry, parts: made.extend(parts))
    found = Balancers(ENTRIES)
    found["both"]

    assert made == [found["slb"], found["edge"]]


def test_one_that_is_not_configured_is_a_missing_key():
    with pytest.raises(KeyError):
        Balancers(ENTRIES)["nobody"]


@pytest.mark.parametrize(
    ("name", "extra"), [("slb", "aliyun"), ("alb", "aliyun"), ("group", "aws"), ("classic", "aws")]
)
def test_a_missing_sdk_is_told_with_the_way_to_get_it(name, extra, monkeypatch):
    def missing(module: str) -> SimpleNamespace:
        raise ModuleNotFoundError(f"No module named {module!r}", name="sdk")

    monkeypatch.setattr(balancers, "import_module", missing)

    with pytest.raises(BadConfig, match=rf"needs the Python package sdk.*pip install 'shipway\[{extra}\]'"):
        Balancers(ENTRIES)[name]


def test_no_sdk_is_imported_before_it_is_needed():
    code = "import pipeline.wiring, sys; print(sorted({'boto3', 'aliyunsdkcore'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
