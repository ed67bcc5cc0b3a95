"""The environments that stories are told of: where they run, behind what, and how they are rolled."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.fleet.metric import Criterion
from pipeline.fleet.proxy import ProxyKind
from pipeline.rollout.policy import Approve, OnFailure, Order, Policy
from runners.stand_ins.time import VirtualClock
from tests.rollout.mortal import Books
from tests.rollout.stage import POLICY, Stage


@dataclass(frozen=True)
class Shape:
    """Of the environment that is deployed to."""

    hosts: int = 3
    replicas: int = 1
    edge: bool = False
    proxy: ProxyKind | None = ProxyKind.HAPROXY
    policy: Policy = POLICY
    entrance: bool = False
    spare: int = 0
    counts: tuple[int, ...] = ()  # replicas on each host when all went well; empty: everywhere as before
    asks: int = 0  # so often a person must be asked before it is live everywhere

    def stage(self, books: Callable[[VirtualClock], Books]) -> Stage:
        return Stage(
            self.hosts,
            self.replicas,
            self.edge,
            self.proxy,
            self.policy,
            books,
            entrance=self.entrance,
            spare=self.spare,
        )


def with_batch(batch: int) -> Policy:
    return replace(POLICY, batch=batch)


PLAIN = Shape(hosts=2)
STOP_FIRST = replace(POLICY, order=Order.STOP_FIRST)
SINGLETON = replace(POLICY, singleton=True)
ASKING = replace(POLICY, approve_within=90.0)
METRIC = replace(POLICY, metrics=(Criterion("http://prometheus:9090", "errors", 0.05),))
SHAPES = {
    "two hosts": PLAIN,
    "edge": Shape(hosts=2, replicas=2, edge=True),
    "nginx": Shape(hosts=2, proxy=ProxyKind.NGINX),
    "no proxy": Shape(hosts=2, proxy=None),
    "two at once": Shape(hosts=3, policy=with_batch(2)),
    "move": Shape(hosts=3, spare=1, counts=(0, 1, 1)),
    "move behind an edge": Shape(hosts=3, edge=True, spare=1, counts=(0, 1, 1)),
    "fewer": Shape(hosts=3, edge=True, counts=(0, 1, 1)),
    "stop-first": Shape(hosts=2, policy=STOP_FIRST),
    "stop-first behind an edge": Shape(hosts=2, replicas=2, edge=True, policy=STOP_FIRST),
    "load balancer": Shape(hosts=2, policy=STOP_FIRST, entrance=True),
    "move behind a load balancer": Shape(hosts=3, spare=1, counts=(0, 1, 1), entrance=True),
    "singleton": Shape(hosts=1, policy=SINGLETON),
    "move of a singleton": Shape(hosts=2, spare=1, counts=(0, 1), proxy=None, policy=SINGLETON),
    "canary": Shape(hosts=3, policy=replace(ASKING, canary=1), asks=1),
    "batch by batch": Shape(hosts=3, policy=replace(ASKING, approve=Approve.BATCH), asks=2),
    "prometheus": Shape(hosts=2, policy=METRIC),
    "more": Shape(hosts=3, spare=1, counts=(2, 1, 1)),
}
KINDS = {  # of stages, for random stories
    "one host": {"hosts": 1},
    "three hosts": {"hosts": 3},
    "two at once": {"hosts": 3, "policy": with_batch(2)},
    "half at once": {"hosts": 4, "policy": with_batch("50%")},
    "edge": {"hosts": 2, "replicas": 2, "edge": True},
    "nginx": {"hosts": 3, "proxy": ProxyKind.NGINX},
    "nginx at the edge": {"hosts": 2, "replicas": 2, "edge": True, "proxy": ProxyKind.NGINX},
    "no proxy": {"hosts": 2, "proxy": None},
    "stop-first": {"hosts": 2, "policy": STOP_FIRST},
    "stop-first behind an edge": {"hosts": 2, "replicas": 2, "edge": True, "policy": STOP_FIRST},
    "load balancer": {"hosts": 2, "policy": STOP_FIRST, "entrance": True},
    "singleton": {"hosts": 1, "policy": SINGLETON},
    "canary": {"hosts": 3, "policy": replace(ASKING, canary=1)},
    "a person at each batch": {"hosts": 3, "policy": replace(ASKING, approve=Approve.BATCH)},
    "pause on failure": {"hosts": 2, "policy": replace(POLICY, on_failure=OnFailure.PAUSE)},
    "prometheus": {"hosts": 2, "policy": METRIC},
}
