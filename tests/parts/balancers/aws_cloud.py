"""moto made honest: the target groups of ELBv2 and the classic load balancers get the states of the real ones, over a data
path that checks health and carries requests. Plain moto calls every target healthy for ever, and one that is
deregistered is gone at once: a rollout that does nothing passes against it (research/5-cloud.md §1.3).

Only what is registered, draining and healthy is ours; names, attributes and tags stay moto's.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.elb.models import ELBBackend
from moto.elb.responses import ELBResponse
from moto.elbv2.models import (
    ELBv2Backend,
    FakeHealthStatus,
    FakeTargetGroup,
    InvalidTargetError,
    TargetGroupNotFoundError,
)

from tests.parts.balancers.data_plane import INITIAL, UNHEALTHY, Manner, Plane, Pool

Row = dict[str, Any]


@dataclass
class Registration:
    """One member of one group. `ends`: when its deregistration is complete; None: it is a member."""

    pool: Pool
    name: str
    ends: float | None = None

    @property
    def over(self) -> bool:
        return self.ends is not None and time.monotonic() >= self.ends


@dataclass
class AwsCloud:
    """`machines`: instances that exist. `stopped`: those that do not run. `odd`: say what nobody knows.
    `speed`: the cloud's settings are whole seconds;
    they pass so many times faster. `addresses`: where a member really is; a classic one by (instance, 0)."""

    plane: Plane
    manner: Callable[[], Manner] = Manner
    speed: float = 20.0
    machines: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    odd: set[str] = field(default_factory=set)
    addresses: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    registered: dict[str, dict[tuple[str, int], Registration]] = field(default_factory=dict)

    def of(self, group: str) -> dict[tuple[str, int], Registration]:
        """Without those that are gone by now."""
        found = self.registered.setdefault(group, {})
        for place in [place for place, one in found.items() if one.over]:
            del found[place]
        return found

    def join(self, group: str, place: tuple[str, int]) -> None:
        """Also from draining; what is a member already stays as it is."""
        known = self.of(group).get(place)
        if known and known.ends is None:
            return
        pool, name = self.plane.pool(group, self.manner), f"{place[0]}:{place[1]}"
        self.of(group)[place] = Registration(pool, name)
        pool.add(name, self.addresses.get(place, ("127.0.0.1", 9)))

    def leave(self, group: str, place: tuple[str, int], delay: float) -> None:
        """Absent is fine."""
        known = self.of(group).get(place)
        if known and known.ends is None:
            known.ends = time.monotonic() + delay / self.speed
            known.pool.drop(known.name, delay / self.speed)


# -------------------------------------------------------------------------------------------------- ELBv2


def _register(cloud: AwsCloud) -> Callable[[Any, list[Row]], None]:
    def register(group: Any, targets: list[Row]) -> None:
        if group.target_type == "instance" and any(row["Id"] not in cloud.machines for row in targets):
            raise InvalidTargetError
        for row in targets:
            cloud.join(group.arn, _place(group, row))
            group.targets[row["Id"]] = {"Id": row["Id"], "Port": _place(group, row)[1]}

    return register


def _deregister(cloud: AwsCloud) -> Callable[[Any, list[Row]], None]:
    """Without a port it means the group's own; a member with another one stays, and the answer is 200 all the same."""

    def deregister(group: Any, targets: list[Row]) -> None:
        delay = float(group.attributes["deregistration_delay.timeout_seconds"])
        for row in targets:
            cloud.leave(group.arn, _place(group, row), delay)

    return deregister


def _target_health(cloud: AwsCloud) -> Callable[..., list[FakeHealthStatus]]:
    def describe(
        backend: Any, target_group_arn: str, targets: list[Row] | None = None
    ) -> list[FakeHealthStatus]:
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        asked = [_place(group, row) for row in targets or ()] or list(cloud.of(group.arn))
        return [_status(cloud, group, place) for place in asked]

    return describe


def _place(group: Any, row: Row) -> tuple[str, int]:
    return row["Id"], int(row.get("Port") or group.port)


def _status(cloud: AwsCloud, group: Any, place: tuple[str, int]) -> FakeHealthStatus:
    known = cloud.of(group.arn).get(place)
    state, reason, words = _health(cloud, group, place, known)
    return FakeHealthStatus(place[0], place[1], group.health_check_port, state, reason, words)


def _health(
    cloud: AwsCloud, group: Any, place: tuple[str, int], known: Registration | None
) -> tuple[str, str | None, str | None]:
    if known is None:
        return "unused", "Target.NotRegistered", "Target is not registered to the target group"
    if known.ends is not None:
        return "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
    if not group.load_balancer_arns:
        return "unused", "Target.NotInUse", "Target group is not configured to receive traffic"
    if place[0] in cloud.odd:
        return "enchanted", "Target.Enchanted", None
    if place[0] in cloud.stopped:
        return "unused", "Target.InvalidState", "Target is in the stopped state"
    state = known.pool.state(known.name)
    if state == INITIAL:
        return "initial", "Elb.InitialHealthChecking", "Initial health checks in progress"
    if state == UNHEALTHY:
        return "unhealthy", "Target.FailedHealthChecks", "Health checks failed"
    return "healthy", None, None


# -------------------------------------------------------------------------------------------------- classic


def _enlist(cloud: AwsCloud) -> Callable[..., Any]:
    def register(backend: Any, name: str, instance_ids: list[str], from_autoscaling: bool = False) -> Any:
        found = backend.get_load_balancer(name)
        for instance in instance_ids:
            if instance not in cloud.machines:
                raise InvalidInstanceError(f"Invalid instance {instance}")
            cloud.join(name, (instance, 0))
        found.instance_sparse_ids = [place[0] for place in cloud.of(name)]
        return found

    return register


def _delist(cloud: AwsCloud) -> Callable[..., Any]:
    def deregister(backend: Any, name: str, instance_ids: list[str], from_autoscaling: bool = False) -> Any:
        found = backend.get_load_balancer(name)
        delay = _delay(found.attributes["connection_draining"])
        for instance in instance_ids:
            cloud.leave(name, (instance, 0), delay)
        found.instance_sparse_ids = [place[0] for place, one in cloud.of(name).items() if one.ends is None]
        return found

    return deregister


def _instance_health(cloud: AwsCloud) -> Callable[[Any], ActionResult]:
    def describe(response: Any) -> ActionResult:
        name = response._get_param("LoadBalancerName")
        response.elb_backend.get_load_balancer(name)
        asked = [row["InstanceId"] for row in response._get_param("Instances", [])]
        rows = [_instance(cloud, name, one) for one in asked or [place[0] for place in cloud.of(name)]]
        return ActionResult({"InstanceStates": rows})

    return describe


def _delay(draining: Row) -> float:
    """moto keeps what was set beside its defaults, spelled with a capital."""
    if not draining.get("Enabled", draining.get("enabled")):
        return 0.0
    return float(draining.get("Timeout", draining.get("timeout")))


def _instance(cloud: AwsCloud, group: str, instance: str) -> Row:
    known = cloud.of(group).get((instance, 0))
    state, words = "InService", "N/A"
    if known is None:
        state, words = "OutOfService", "Instance is not currently registered with the LoadBalancer."
    elif known.ends is not None:
        words = "Instance deregistration currently in progress."
    elif instance in cloud.odd:
        state = "Unknown"
    elif instance in cloud.stopped:
        state, words = "OutOfService", "Instance is in stopped state."
    elif known.pool.state(known.name) == INITIAL:
        state, words = "OutOfService", "Instance registration is still in progress."
    elif known.pool.state(known.name) == UNHEALTHY:
        state, words = "OutOfService", "Instance has failed at least the UnhealthyThreshold number of checks."
    return {"InstanceId": instance, "State": state, "ReasonCode": "N/A", "Description": words}


class InvalidInstanceError(ServiceException):
    code = "InvalidInstance"


@contextmanager
def honest(cloud: AwsCloud) -> Iterator[AwsCloud]:
    """For so long, moto's load balancers are this cloud's. One at a time in a process."""
    with ExitStack() as stack:
        for owner, name, new in (
            (FakeTargetGroup, "register", _register(cloud)),
            (FakeTargetGroup, "deregister", _deregister(cloud)),
            (ELBv2Backend, "describe_target_health", _target_health(cloud)),
            (ELBBackend, "register_instances", _enlist(cloud)),
            (ELBBackend, "deregister_instances", _delist(cloud)),
            (ELBResponse, "describe_instance_health", _instance_health(cloud)),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, new)
        yield cloud
