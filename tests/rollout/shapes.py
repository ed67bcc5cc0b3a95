"""The environments that stories are told of: where they run, behind what, and how they are rolled."""

from dataclasses import replace

from pipeline.fleet.metric import Criterion
from pipeline.fleet.proxy import ProxyKind
from pipeline.rollout.policy import Approve, Order
from tests.rollout.stage import POLICY
from tests.rollout.story import PLAIN, Shape, with_batch

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
