"""A target group of AWS Elastic Load Balancing v2 (ALB, NLB); `id` is its ARN.

It has no weights: a target is parked by deregistration, which drains it, and is then absent. The group as a whole is
ours when it has the tag `shipway=<entry>`. It translates; when to call is the rollout's.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.errors import Rejected
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.aws_api import AwsApi
from runners.cloud_account import of_balancer
from runners.membership import Membership, Reading
from runners.patience import Patience

_STATES = {
    "initial": MemberState.STARTING,
    "healthy": MemberState.SERVING,
    "unhealthy": MemberState.FAILING,
    "unhealthy.draining": MemberState.DRAINING,
    "draining": MemberState.DRAINING,
    "unused": MemberState.FAILING,  # no listener sends here, its zone is off, or the machine is stopped
}
_SETTLE = (
    5.0  # requests were seen seconds after `draining`: kubernetes-sigs/aws-load-balancer-controller#3270
)
_MARGIN = 30.0  # awslabs/aws-codedeploy-samples, load-balancing/elb-v2/common_functions.sh


class AwsElbv2(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(
            entry, Elbv2Wire(entry, AwsApi(of_balancer(entry), "elbv2", _region(entry.id))), patience
        )


def address_of(entry: LoadBalancer) -> str:
    """Of the one load balancer that sends to this group."""
    api = AwsApi(of_balancer(entry), "elbv2", _region(entry.id))
    (group,) = api.call("describe_target_groups", TargetGroupArns=[entry.id])["TargetGroups"]
    arns = group.get("LoadBalancerArns", [])
    if len(arns) != 1:
        raise Rejected(
            f"Load balancer {entry.name}: {len(arns)} load balancers send to its target group, so its address is not known. "
            "Write the region's `address`."
        )
    (found,) = api.call("describe_load_balancers", LoadBalancerArns=arns)["LoadBalancers"]
    return str(found.get("DNSName", "")) if found.get("Scheme") == "internet-facing" else ""


class Elbv2Wire:
    """Implements `runners.membership.Wire`."""

    batch = 100
    keeps_parked = False

    def __init__(self, entry: LoadBalancer, api: AwsApi) -> None:
        self._entry = entry
        self._api = api

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        arn = self._entry.id
        group = self._api.call("describe_target_groups", TargetGroupArns=[arn])["TargetGroups"][0]
        each = float(group["HealthCheckIntervalSeconds"] + group["HealthCheckTimeoutSeconds"])
        return Capabilities(
            weights=False,
            native_drain=True,
            health_while_parked=False,
            batch=self.batch,
            drain=self._delay(),
            settle=_SETTLE,
            healthy_after=each * float(group["HealthyThresholdCount"]) + _MARGIN,
        )

    def _delay(self) -> float:
        rows = self._api.call("describe_target_group_attributes", TargetGroupArn=self._entry.id)["Attributes"]
        attributes = {row["Key"]: row["Value"] for row in rows}
        return float(attributes.get("deregistration_delay.timeout_seconds", 300))

    def read(self) -> Reading:
        ours = self._is_ours()
        rows = self._api.call("describe_target_health", TargetGroupArn=self._entry.id)[
            "TargetHealthDescriptions"
        ]
        found = [_member(row, ours) for row in rows if not _absent(row)]
        return Reading({member.target: member for member in found}, ours)

    def _is_ours(self) -> bool:
        rows = self._api.call("describe_tags", ResourceArns=[self._entry.id])["TagDescriptions"]
        tags = {tag["Key"]: tag["Value"] for row in rows for tag in row["Tags"]}
        return tags.get("shipway") == self._entry.name

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        """Any id and port can be one."""

    def park(self, targets: Sequence[Target]) -> None:
        if not self._delay():
            raise Rejected(
                f"Load balancer {self._entry.name}: with a deregistration delay of 0 a park would cut the requests under "
                f"way. Raise it: aws elbv2 modify-target-group-attributes --target-group-arn {self._entry.id} "
                "--attributes Key=deregistration_delay.timeout_seconds,Value=60."
            )
        self.remove(targets)

    def remove(self, targets: Sequence[Target]) -> None:
        """With the port: without it, AWS answers 200 to the deregistration of an override and does nothing."""
        self._api.call("deregister_targets", TargetGroupArn=self._entry.id, Targets=_named(targets))

    def admit(self, targets: Sequence[Target]) -> None:
        self._api.call("register_targets", TargetGroupArn=self._entry.id, Targets=_named(targets))

    add = admit

    def adoption(self, targets: Sequence[Target]) -> str:
        return (
            "To hand the whole target group to Shipway, tag it: aws elbv2 add-tags --resource-arns "
            f"{self._entry.id} --tags Key=shipway,Value={self._entry.name}."
        )


def _region(arn: str) -> str:
    """arn:aws:elasticloadbalancing:REGION:account:targetgroup/…"""
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""


def _named(targets: Sequence[Target]) -> list[dict[str, object]]:
    return [{"Id": target.id, "Port": target.port} for target in targets]


def _absent(row: dict[str, Any]) -> bool:
    return str(row["TargetHealth"].get("Reason", "")) == "Target.NotRegistered"


def _member(row: dict[str, Any], ours: bool) -> Member:
    health = row["TargetHealth"]
    return Member(
        Target(str(row["Target"]["Id"]), int(row["Target"]["Port"])),
        _STATES.get(health["State"], MemberState.UNKNOWN),
        ours,
        reason=" ".join(part for part in (health.get("Reason", ""), health.get("Description", "")) if part),
    )
