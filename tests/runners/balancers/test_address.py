"""Where users reach a load balancer, asked of fakes of the clouds."""

import pytest

from pipeline.errors import Rejected
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from runners.balancers.address import CloudAddresses
from runners.patience import Patience
from tests.parts.balancers import aliyun_grounds, aws_grounds

QUICK = Patience(2.0, first=0.01, longest=0.05)


def test_a_classic_one_of_aliyun_has_its_public_address_and_is_asked_once():
    with aliyun_grounds.aliyun() as ground:
        addresses = CloudAddresses({"entry": ground.entry}, QUICK)

        assert [addresses.of("entry") for _ in range(2)] == ["203.0.113.80"] * 2


@pytest.mark.parametrize("maker", [aws_grounds.elbv2, aws_grounds.elb])
def test_those_of_aws_have_a_host_name(maker):
    with maker() as ground:
        found = CloudAddresses({"entry": ground.entry}, QUICK).of("entry")

    assert found.endswith("elb.amazonaws.com")


def test_a_chain_is_reached_at_its_outermost():
    with aliyun_grounds.aliyun() as ground:
        chain = LoadBalancer("both", BalancerKind.CHAIN, of=("entry", "inner"))

        assert CloudAddresses({"both": chain, "entry": ground.entry}, QUICK).of("both") == "203.0.113.80"


def test_one_that_cannot_tell_says_what_to_do():
    entry = LoadBalancer("entry", BalancerKind.HAPROXY)

    with pytest.raises(Rejected, match=r"haproxy cannot tell its own address\. Write the region's `address`"):
        CloudAddresses({"entry": entry}).of("entry")
