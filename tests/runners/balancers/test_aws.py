"""AWS's load balancers: what their settings mean, and what they refuse."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.errors import BadConfig, Rejected, Unreachable
from pipeline.fleet.balancer import BalancerKind, Capabilities, LoadBalancer, MemberState, Target
from pipeline.secret import Secret
from runners.aws_api import AwsApi
from runners.balancers.aws_elb import AwsElb
from runners.balancers.aws_elbv2 import AwsElbv2, Elbv2Wire
from runners.cloud_account import of_balancer
from runners.patience import Patience
from tests.parts.balancers.aws_grounds import PORT, Region, classic, region, session, target_group
from tests.parts.balancers.faults import Fault

ONCE = Patience(deadline=0.0)
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION")


@pytest.fixture(scope="module")
def here() -> Iterator[Region]:
    with region(0.0) as made:
        yield made


@pytest.fixture(scope="module")
def group(here: Region) -> LoadBalancer:
    return here.entry(BalancerKind.AWS_ELBV2, target_group(here))


@pytest.fixture
def old(here: Region) -> LoadBalancer:
    name = classic(here)
    here.cloud.machines.add("i-1")
    return here.entry(BalancerKind.AWS_ELB, name)


def test_waits_of_a_target_group_come_from_its_attributes(group: LoadBalancer):
    found = AwsElbv2(group, ONCE).capabilities()

    assert found == Capabilities(False, True, False, 100, drain=10.0, settle=5.0, healthy_after=75.0)


def test_waits_of_a_classic_one_come_from_its_check_and_its_draining(old: LoadBalancer):
    found = AwsElb(old, ONCE).capabilities()

    assert found == Capabilities(False, True, False, 20, drain=10.0, settle=5.0, healthy_after=75.0)


def test_who_measured_says_how_soon_the_data_path_obeys(group: LoadBalancer, old: LoadBalancer):
    balancers = [AwsElbv2(replace(group, settle=0.0), ONCE), AwsElb(replace(old, settle=12.5), ONCE)]

    assert [one.capabilities().settle for one in balancers] == [0.0, 12.5]


def test_a_target_group_that_would_cut_requests_is_not_parked_from(here: Region, group: LoadBalancer):
    at_once = here.entry(BalancerKind.AWS_ELBV2, target_group(here))
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "0"}
    here.client("elbv2").modify_target_group_attributes(TargetGroupArn=at_once.id, Attributes=[delay])
    balancer, target = AwsElbv2(at_once, ONCE), Target("10.0.0.1", PORT)
    balancer.admit([target])

    with pytest.raises(
        Rejected, match=r"delay of 0 a park would cut .* aws elbv2 modify-target-group-attributes"
    ):
        balancer.park([target])
    balancer.remove([target])


def test_a_classic_one_without_draining_is_not_parked_from(here: Region, old: LoadBalancer):
    off = {"ConnectionDraining": {"Enabled": False}}
    here.client("elb").modify_load_balancer_attributes(LoadBalancerName=old.id, LoadBalancerAttributes=off)
    balancer, target = AwsElb(old, ONCE), Target("i-1", PORT)
    balancer.admit([target])

    with pytest.raises(
        Rejected, match=r"without connection draining a park would cut .* ConnectionDraining="
    ):
        balancer.park([target])
    balancer.remove([target])


def test_a_machine_is_on_several_ports_of_a_group_by_itself(group: LoadBalancer):
    balancer = AwsElbv2(group, ONCE)
    first, second = Target("10.0.0.9", 8001), Target("10.0.0.9", 8002)
    balancer.admit([first, second])
    balancer.park([first])

    found = balancer.members()
    assert found[first].state is MemberState.DRAINING
    assert found[second].state is not MemberState.DRAINING


def test_a_target_that_its_zone_or_listener_leaves_out_does_not_serve(here: Region, group: LoadBalancer):
    target = Target("10.0.0.7", PORT)
    AwsElbv2(group, ONCE).admit([target])
    here.cloud.stopped.add(target.id)

    member = AwsElbv2(group, ONCE).members()[target]
    assert (member.state, member.reason.split()[0]) == (MemberState.FAILING, "Target.InvalidState")


def test_a_classic_one_has_one_port(old: LoadBalancer):
    with pytest.raises(Rejected, match="sends each machine the same ports, and `port` says 8080"):
        AwsElb(old, ONCE).park([Target("i-1", 81)])


def test_the_region_is_that_of_the_name(group: LoadBalancer, monkeypatch):
    """An ARN says it; boto3 would ask for one."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)

    assert AwsElbv2(replace(group, region=""), ONCE).capabilities().batch == 100


def test_no_region_at_all_is_told(old: LoadBalancer, monkeypatch, tmp_path):
    _alone(monkeypatch, tmp_path)

    with pytest.raises(BadConfig, match=r"has no region\. Give it `region` in shipway\.yml"):
        AwsElb(replace(old, region=""), ONCE).members()


def test_no_credentials_at_all_are_told(old: LoadBalancer, monkeypatch, tmp_path):
    _alone(monkeypatch, tmp_path)

    with pytest.raises(BadConfig, match=r"has no credentials\. Give it access_key and secret_key"):
        AwsElb(replace(old, access_key="", secret_key=Secret("")), ONCE).members()


def _alone(monkeypatch, tmp_path) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def test_one_that_does_not_exist_is_told(here: Region, group: LoadBalancer):
    with pytest.raises(Rejected, match=r"\(classic-nope\): .*LoadBalancerNotFound"):
        AwsElb(here.entry(BalancerKind.AWS_ELB, "classic-nope"), ONCE).members()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("Throttling", 400, Unreachable),
        ("RequestLimitExceeded", 503, Unreachable),
        ("InternalFailure", 500, Unreachable),
        ("AccessDenied", 403, Rejected),
        ("ValidationError", 400, Rejected),
    ],
)
def test_a_refusal_is_for_good_or_for_now(here: Region, group: LoadBalancer, code, status, kind):
    here.faults.add(Fault("DescribeTargetHealth", code, status))

    with pytest.raises(kind, match=f"describe_target_health: {code}: This was asked for"):
        AwsElbv2(group, ONCE).members()


def test_no_page_of_a_proxy_in_between_is_taken_for_an_answer(here: Region, group: LoadBalancer, monkeypatch):
    wire = Elbv2Wire(group, AwsApi(of_balancer(group), "elbv2", session=session()))
    here.faults.add(Fault("DescribeTags", "</Code>", 502))  # no XML

    with pytest.raises(Unreachable):
        wire.read()
