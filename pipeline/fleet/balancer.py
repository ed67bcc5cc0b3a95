"""The cloud's single entrance in front of the proxies, and its members as it sees them. Nouns only."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.secret import Secret


class BalancerKind(StrEnum):
    ALIYUN_SLB = "aliyun-slb"
    ALIYUN_ALB = "aliyun-alb"
    AWS_ELBV2 = "aws-elbv2"
    AWS_ELB = "aws-elb"
    NGINX = "nginx"
    HAPROXY = "haproxy"
    CHAIN = "chain"


@dataclass(frozen=True)
class LoadBalancer:
    """One entry under `load_balancers`. What `id` and `group` name is the kind's: see docs/load-balancers.md."""

    name: str
    kind: BalancerKind
    id: str = ""
    group: str = ""  # aliyun-slb: a VServerGroup, empty: the default group; aliyun-alb: the server group
    region: str = ""
    port: int = 80  # on the members
    endpoint: str = ""  # overrides the address of the cloud's API
    access_key: str = ""  # empty: what the cloud's SDK finds in its own places
    secret_key: Secret = field(default_factory=lambda: Secret(""))
    of: tuple[str, ...] = ()  # chain: other entries, the outermost first
    settle: float | None = None  # seconds, as measured; None: the kind's own


@dataclass(frozen=True, order=True)
class Target:
    """A machine behind a load balancer: the cloud's id of it, or its address, and the port that it is sent to."""

    id: str
    port: int

    def __str__(self) -> str:
        return f"{self.id}:{self.port}"


class MemberState(StrEnum):
    """One vocabulary for every cloud. What a cloud says that we do not know is `unknown`, and never counts as serving."""

    ABSENT = "absent"
    STARTING = "starting"  # a member, not found healthy yet
    SERVING = "serving"
    FAILING = "failing"
    DRAINING = "draining"  # nothing new; requests may still be under way
    PARKED = "parked"  # nothing new, and nothing under way as far as the balancer knows
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Member:
    """`ours`: it carries our mark. Others are counted, and never touched."""

    target: Target
    state: MemberState
    ours: bool = True
    weight: int | None = None  # None: this kind has no weights
    reason: str = ""  # the cloud's own words


@dataclass(frozen=True)
class Capabilities:
    """What one load balancer can do, and how long things take with its own settings. Seconds."""

    weights: bool  # a parked one stays listed (weight 0 or the like); else it is deregistered, and absent in the end
    native_drain: bool  # it lets requests end by itself and says when
    health_while_parked: bool  # a parked member still has a health
    batch: int  # members in one call
    drain: float  # the longest that a request may still be under way after parking
    settle: float  # from its API's answer to its data path obeying
    healthy_after: float  # the longest from admission of a well member to `serving`
