"""A classic load balancer of AWS (ELB); `id` is its name.

It knows machines, not ports: every listener sends to its own port of each, and `port` only names one of them. A machine
is parked by deregistration. The balancer as a whole is ours when it has the tag `shipway=<entry>`.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.errors import Rejected
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.aws_api import AwsApi
from runners.cloud_account import of_balancer
from runners.membership import Membership, Reading
from runners.patience import Patience

# what it says in `Description`; there is no other place for it (botocore, elb 2012-06-01, InstanceState)
_DRAINING = "deregistration currently in progress"
_GONE = "not currently registered"
_STARTING = ("registration is still in progress", "has not passed the configured healthythreshold")
_SETTLE = 5.0
_MARGIN = 30.0  # awslabs/aws-codedeploy-samples, load-balancing/elb/common_functions.sh


class AwsElb(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(entry, ElbWire(entry, AwsApi(of_balancer(entry), "elb")), patience)


def address_of(entry: LoadBalancer) -> str:
    api = AwsApi(of_balancer(entry), "elb")
    (found,) = api.call("describe_load_balancers", LoadBalancerNames=[entry.id])["LoadBalancerDescriptions"]
    return str(found.get("DNSName", "")) if found.get("Scheme") == "internet-facing" else ""


class ElbWire:
    """Implements `runners.membership.Wire`."""

    batch = 20
    keeps_parked = False

    def __init__(self, entry: LoadBalancer, api: AwsApi) -> None:
        self._entry = entry
        self._api = api

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        balancer = self._api.call("describe_load_balancers", LoadBalancerNames=[self._entry.id])
        check = balancer["LoadBalancerDescriptions"][0]["HealthCheck"]
        draining = self._draining()
        drains = bool(draining.get("Enabled"))
        each = float(check["Interval"] + check["Timeout"])
        return Capabilities(
            weights=False,
            native_drain=drains,
            health_while_parked=False,
            batch=self.batch,
            drain=float(draining.get("Timeout") or 300) if drains else 0.0,
            settle=_SETTLE,
            healthy_after=each * float(check["HealthyThreshold"]) + _MARGIN,
        )

    def read(self) -> Reading:
        ours = self._is_ours()
        rows = self._api.call("describe_instance_health", LoadBalancerName=self._entry.id)["InstanceStates"]
        found = [self._member(row, ours) for row in rows if _GONE not in row.get("Description", "")]
        return Reading({member.target: member for member in found}, ours)

    def _member(self, row: dict[str, Any], ours: bool) -> Member:
        words = str(row.get("Description", ""))
        target = Target(str(row["InstanceId"]), self._entry.port)
        return Member(target, _state(str(row["State"]), words.lower()), ours, reason=words)

    def _draining(self) -> dict[str, Any]:
        answer = self._api.call("describe_load_balancer_attributes", LoadBalancerName=self._entry.id)
        found: dict[str, Any] = answer["LoadBalancerAttributes"].get("ConnectionDraining", {})
        return found

    def _is_ours(self) -> bool:
        rows = self._api.call("describe_tags", LoadBalancerNames=[self._entry.id])["TagDescriptions"]
        tags = {tag["Key"]: tag.get("Value", "") for row in rows for tag in row["Tags"]}
        return tags.get("shipway") == self._entry.name

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        if target.port != self._entry.port:
            raise Rejected(
                f"Load balancer {self._entry.name}: {target} cannot be a member: a classic one sends each machine the "
                f"same ports, and `port` says {self._entry.port}. Correct `port`, or use aws-elbv2."
            )

    def park(self, targets: Sequence[Target]) -> None:
        if not self._draining().get("Enabled"):
            raise Rejected(
                f"Load balancer {self._entry.name}: without connection draining a park would cut the requests under way. "
                "Switch it on: aws elb modify-load-balancer-attributes --load-balancer-name "
                f"{self._entry.id} --load-balancer-attributes ConnectionDraining={{Enabled=true,Timeout=60}}."
            )
        self.remove(targets)

    def remove(self, targets: Sequence[Target]) -> None:
        self._api.call("deregister_instances_from_load_balancer", **self._named(targets))

    def admit(self, targets: Sequence[Target]) -> None:
        self._api.call("register_instances_with_load_balancer", **self._named(targets))

    add = admit

    def adoption(self, targets: Sequence[Target]) -> str:
        return (
            "To hand the whole load balancer to Shipway, tag it: aws elb add-tags --load-balancer-names "
            f"{self._entry.id} --tags Key=shipway,Value={self._entry.name}."
        )

    def _named(self, targets: Sequence[Target]) -> dict[str, Any]:
        instances = [{"InstanceId": target.id} for target in targets]
        return {"LoadBalancerName": self._entry.id, "Instances": instances}


def _state(state: str, words: str) -> MemberState:
    if _DRAINING in words:
        return MemberState.DRAINING
    if state == "InService":
        return MemberState.SERVING
    if state == "OutOfService":
        starting = any(part in words for part in _STARTING)
        return MemberState.STARTING if starting else MemberState.FAILING
    return MemberState.UNKNOWN
