"""The fakes of the clouds refuse what the real ones refuse: a lenient one would let an adapter pass that fails there."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from tests.parts.balancers.aliyun_cloud import Listener
from tests.parts.balancers.aliyun_grounds import PORT, Region, region
from tests.parts.balancers.aliyun_signature import signature
from tests.parts.balancers.aws_grounds import Region as AwsRegion
from tests.parts.balancers.aws_grounds import region as aws_region
from tests.parts.balancers.aws_grounds import target_group


@pytest.fixture(scope="module")
def here() -> Iterator[Region]:
    with region() as made:
        made.cloud.add_slb("lb-1", Listener(80, PORT))
        made.cloud.add_slb("lb-2")
        made.cloud.add_group("rsp-1", "lb-1")
        yield made


def words(action: str = "DescribeLoadBalancerAttribute", **more: str) -> dict[str, str]:
    return {
        "Action": action, "Version": "2014-05-15", "AccessKeyId": "AKID", "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0", "SignatureType": "", "SignatureNonce": f"n{time.monotonic_ns()}",
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "Format": "JSON", "LoadBalancerId": "lb-1", **more,
    }  # fmt: skip


def send(here: Region, values: dict[str, str], signed_as: str = "POST", **tampered: str) -> str:
    """The error's code, or OK."""
    sent = values | {"Signature": signature(signed_as, values, "AKSECRET")} | tampered
    url = f"{here.url}/?{urllib.parse.urlencode(sent)}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"", method="POST"), timeout=10) as answer:  # noqa: S310
            assert json.load(answer)["RequestId"]
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["Code"])
    return "OK"


def test_a_good_request_passes_and_only_once(here: Region):
    values = words()

    assert [send(here, values), send(here, values)] == ["OK", "SignatureNonceUsed"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Timestamp": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"Timestamp": "yesterday"}, "InvalidTimeStamp.Format"),
        ({"AccessKeyId": "WHO"}, "InvalidAccessKeyId.NotFound"),
        ({"SignatureMethod": "HMAC-MD5"}, "InvalidSignatureMethod"),
        ({"SignatureNonce": ""}, "MissingSignatureNonce"),
        ({"Version": "2020-06-16"}, "InvalidVersion"),
        ({"Action": "Nope"}, "InvalidAction.NotFound"),
        ({"LoadBalancerId": "lb-9"}, "InvalidLoadBalancerId.NotFound"),
        ({"LoadBalancerId": "with space*~+&=%中"}, "InvalidLoadBalancerId.NotFound"),
    ],
)
def test_a_wrong_word_is_refused_by_its_code(here: Region, more, code):
    assert send(here, words(**more)) == code


def test_what_was_signed_is_what_was_sent(here: Region):
    assert send(here, words(), LoadBalancerId="lb-2") == "SignatureDoesNotMatch"
    assert send(here, words(), Added="") == "SignatureDoesNotMatch"
    assert send(here, words(), signed_as="GET") == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("action", "servers", "code"),
    [
        ("AddBackendServers", "[]", "MissingParameter"),
        ("AddBackendServers", "nonsense", "InvalidParameter"),
        (
            "AddBackendServers",
            json.dumps([{"ServerId": f"i-{n}"} for n in range(21)]),
            "BackendServersOverLimit",
        ),
        ("AddBackendServers", '[{"ServerId": "i-1", "Weight": 101}]', "InvalidWeight"),
        ("AddBackendServers", '[{"ServerId": "i-stopped"}]', "IncorrectInstanceStatus"),
        ("SetBackendServers", '[{"ServerId": "i-nobody"}]', "InvalidBackendServers.NotFound"),
        ("AddVServerGroupBackendServers", '[{"ServerId": "i-1"}]', "MissingParameter"),
    ],
)
def test_members_are_checked(here: Region, action, servers, code):
    here.cloud.stopped.add("i-stopped")

    assert send(here, words(action, BackendServers=servers, VServerGroupId="rsp-1")) == code


def test_a_balancer_that_is_being_changed_takes_no_other_change(here: Region):
    servers = '[{"ServerId": "i-9"}]'
    here.cloud.busy = 60.0
    try:
        codes = [send(here, words("AddBackendServers", BackendServers=servers)) for _ in range(2)]
    finally:
        here.cloud.busy = 0.0

    assert codes == ["OK", "BackendServer.configuring"]


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsRegion]:
    with aws_region(0.0) as made:
        yield made


def test_a_target_group_goes_through_the_states_of_a_real_one(aws: AwsRegion):
    client, arn = aws.client("elbv2"), target_group(aws)
    aws.cloud.addresses["10.9.9.9", PORT] = aws.backends[0].address
    named = [{"Id": "10.9.9.9", "Port": PORT}]

    def state() -> str:
        rows = client.describe_target_health(TargetGroupArn=arn, Targets=named)["TargetHealthDescriptions"]
        return str(rows[0]["TargetHealth"]["State"])

    def seen_until(last: str) -> list[str]:
        seen = [state()]
        while seen[-1] != last:
            now = state()
            seen += [now] if now != seen[-1] else []
        return seen

    before = state()
    client.register_targets(TargetGroupArn=arn, Targets=named)
    coming = seen_until("healthy")
    client.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.9.9.9", "Port": PORT + 1}])
    after_the_wrong_port = state()
    client.deregister_targets(TargetGroupArn=arn, Targets=named)
    going = seen_until("unused")

    assert (before, coming) == ("unused", ["initial", "healthy"])
    assert (after_the_wrong_port, going) == ("healthy", ["draining", "unused"])


def test_a_machine_that_does_not_exist_cannot_be_a_classic_member(aws: AwsRegion):
    client = aws.client("elb")
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    client.create_load_balancer(
        LoadBalancerName="honest", Listeners=[listener], AvailabilityZones=["eu-central-1a"]
    )

    with pytest.raises(client.exceptions.ClientError, match="InvalidInstance"):
        client.register_instances_with_load_balancer(
            LoadBalancerName="honest", Instances=[{"InstanceId": "i-nobody"}]
        )
