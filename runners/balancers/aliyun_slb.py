"""Aliyun's classic load balancer (CLB, product Slb 2014-05-15): its default group, or the VServerGroup in `group`.

A member is parked by weight 0 and stays in its group: taking it out would cut the requests under way. Ours are those
whose Description is `shipway/<entry>`. It translates; when to call is the rollout's.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.errors import Rejected
from pipeline.fleet.balancer import Capabilities, LoadBalancer, Member, MemberState, Target
from runners.aliyun_api import AliyunApi
from runners.cloud_account import of_balancer
from runners.membership import Membership, Reading
from runners.patience import Patience

_FULL = 100
_SETTLE = (
    5.0  # Aliyun publishes none; the longest that another cloud with the same design (Huawei's ELB) states
)
_REQUEST = 60.0  # RequestTimeout of an HTTP listener, when it does not say
_LAYER_7 = ("http", "https")


class AliyunSlb(Membership):
    """Implements `pipeline.ports.Balancer`."""

    def __init__(self, entry: LoadBalancer, patience: Patience | None = None) -> None:
        super().__init__(entry, SlbWire(entry, AliyunApi(of_balancer(entry))), patience)


def address_of(entry: LoadBalancer) -> str:
    """Its public one; an EIP in front of a private one is not told here."""
    found = AliyunApi(of_balancer(entry)).call("DescribeLoadBalancerAttribute", LoadBalancerId=entry.id)
    return str(found.get("Address", "")) if found.get("AddressType") == "internet" else ""


class SlbWire:
    """Implements `runners.membership.Wire`."""

    batch = 20  # the API's limit for BackendServers
    keeps_parked = True

    def __init__(self, entry: LoadBalancer, api: AliyunApi) -> None:
        self._entry = entry
        self._api = api
        self._mark = f"shipway/{entry.name}"

    # ------------------------------------------------------------------------------------------------ what it is

    def capabilities(self) -> Capabilities:
        listeners = [one for _, one in self._listeners()]
        return Capabilities(
            weights=True,
            native_drain=bool(listeners) and all(one.get("ConnectionDrain") == "on" for one in listeners),
            health_while_parked=False,  # not documented for CLB; ALB has none
            batch=self.batch,
            drain=max((_drain(one) for one in listeners), default=_REQUEST),
            settle=_SETTLE,
            healthy_after=max((_healthy_after(one) for one in listeners), default=0.0),
        )

    def read(self) -> Reading:
        """Two calls, or three with a group: the health says nothing of weights, the group nothing of health."""
        balancer = self._api.call("DescribeLoadBalancerAttribute", LoadBalancerId=self._entry.id)
        group = self._group() if self._entry.group else balancer
        health = self._health()
        members = {}
        for row in _rows(group, "BackendServers", "BackendServer"):
            target = Target(str(row["ServerId"]), int(row.get("Port") or self._entry.port))
            members[target] = self._member(target, row, health.get(target, []))
        return Reading(members)

    def _group(self) -> dict[str, Any]:
        return self._api.call("DescribeVServerGroupAttribute", VServerGroupId=self._entry.group)

    def _health(self) -> dict[Target, list[str]]:
        """One word from each listener that sends there."""
        answer = self._api.call("DescribeHealthStatus", LoadBalancerId=self._entry.id)
        found: dict[Target, list[str]] = {}
        for row in _rows(answer, "BackendServers", "BackendServer"):
            port = int(row.get("Port") or self._entry.port) if self._entry.group else self._entry.port
            words = found.setdefault(Target(str(row["ServerId"]), port), [])
            words.append(str(row.get("ServerHealthStatus", "")))
        return found

    def _member(self, target: Target, row: dict[str, Any], words: list[str]) -> Member:
        weight = int(row.get("Weight", 0))
        return Member(
            target,
            _state(weight, words),
            ours=row.get("Description") == self._mark,
            weight=weight,
            reason=", ".join(sorted(set(words))),
        )

    def _listeners(self) -> list[tuple[str, dict[str, Any]]]:
        """Protocol and settings of those that send to this group; of all when none is said to."""
        balancer = self._api.call("DescribeLoadBalancerAttribute", LoadBalancerId=self._entry.id)
        found = []
        for row in _rows(balancer, "ListenerPortsAndProtocol", "ListenerPortAndProtocol"):
            protocol = str(row["ListenerProtocol"]).lower()
            settings = self._api.call(
                f"DescribeLoadBalancer{protocol.upper()}ListenerAttribute",
                LoadBalancerId=self._entry.id,
                ListenerPort=int(row["ListenerPort"]),
            )
            found.append((protocol, {"protocol": protocol, **settings}))
        mine = [one for one in found if one[1].get("VServerGroupId", "") == self._entry.group]
        return mine or found

    # ------------------------------------------------------------------------------------------------ what changes

    def check(self, target: Target) -> None:
        if not self._entry.group and target.port != self._entry.port:
            raise Rejected(
                f"Load balancer {self._entry.name}: {target} cannot be a member: its default group sends to port "
                f"{self._entry.port} of every host. Name a VServerGroup under `group`, or change `port`."
            )

    def park(self, targets: Sequence[Target]) -> None:
        self._set(targets, 0)

    def admit(self, targets: Sequence[Target]) -> None:
        self._set(targets, _FULL)

    def add(self, targets: Sequence[Target]) -> None:
        self._tell("AddVServerGroupBackendServers", "AddBackendServers", targets, _FULL)

    def remove(self, targets: Sequence[Target]) -> None:
        self._tell("RemoveVServerGroupBackendServers", "RemoveBackendServers", targets, 0)

    def adoption(self, targets: Sequence[Target]) -> str:
        ids = ", ".join(target.id for target in targets)
        return f"To hand it to Shipway, set the description of {ids} in that group to {self._mark}."

    def _set(self, targets: Sequence[Target], weight: int) -> None:
        self._tell("SetVServerGroupAttribute", "SetBackendServers", targets, weight)

    def _tell(self, grouped: str, plain: str, targets: Sequence[Target], weight: int) -> None:
        """The description goes along each time, so that no change of the weight can lose it."""
        rows = [
            {"ServerId": one.id, "Weight": str(weight), "Type": _type(one.id), "Description": self._mark}
            | ({"Port": str(one.port)} if self._entry.group else {})
            for one in targets
        ]
        if self._entry.group:
            self._api.call(grouped, VServerGroupId=self._entry.group, BackendServers=json.dumps(rows))
        else:
            self._api.call(plain, LoadBalancerId=self._entry.id, BackendServers=json.dumps(rows))


def _rows(answer: dict[str, Any], outer: str, inner: str) -> list[dict[str, Any]]:
    found = answer.get(outer) or {}
    rows: list[dict[str, Any]] = found.get(inner) or []
    return rows


def _state(weight: int, words: Iterable[str]) -> MemberState:
    """Every listener must agree, as Spinnaker's driver has it; `unavailable`: no check, or not finished."""
    said = set(words)
    if weight == 0:
        return MemberState.PARKED
    if "abnormal" in said:
        return MemberState.FAILING
    if said == {"normal"}:
        return MemberState.SERVING
    if said <= {"normal", "unavailable"}:  # also nothing yet, of one that was just added
        return MemberState.STARTING
    return MemberState.UNKNOWN


def _drain(listener: dict[str, Any]) -> float:
    """How long a request may be under way: HTTP bounds it, TCP drains or keeps a connection until it is idle."""
    if listener["protocol"] in _LAYER_7:
        return float(listener.get("RequestTimeout") or _REQUEST)
    if listener.get("ConnectionDrain") == "on":
        return float(listener.get("ConnectionDrainTimeout") or 0)
    return float(listener.get("EstablishedTimeout") or 0)


def _healthy_after(listener: dict[str, Any]) -> float:
    each = float(listener.get("HealthCheckInterval") or 0) + float(listener.get("HealthCheckTimeout") or 0)
    return each * float(listener.get("HealthyThreshold") or 0)


def _type(server: str) -> str:
    """A network card that is a member by itself begins with eni-; everything else is a machine."""
    return "eni" if server.startswith("eni-") else "ecs"
