"""Load balancers by their names in shipway.yml. Adding a kind: write the module, add a line here and in `BalancerKind`,
and run tests/contracts/test_balancers.py over it.

A kind is imported when a balancer of it is first asked for: a cloud's SDK costs a fifth of a second and may be missing.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from threading import RLock
from typing import Any

from pipeline.errors import BadConfig
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from pipeline.ports import Balancer

TABLE: dict[BalancerKind, str] = {
    BalancerKind.ALIYUN_SLB: "runners.balancers.aliyun_slb:AliyunSlb",
    BalancerKind.ALIYUN_ALB: "runners.balancers.aliyun_alb:AliyunAlb",
    BalancerKind.AWS_ELBV2: "runners.balancers.aws_elbv2:AwsElbv2",
    BalancerKind.AWS_ELB: "runners.balancers.aws_elb:AwsElb",
    BalancerKind.HAPROXY: "runners.balancers.haproxy:Haproxy",
    BalancerKind.NGINX: "runners.balancers.nginx:Nginx",
    BalancerKind.CHAIN: "runners.balancers.chain:Chain",
}
EXTRAS = {
    BalancerKind.ALIYUN_SLB: "aliyun",
    BalancerKind.ALIYUN_ALB: "aliyun",
    BalancerKind.AWS_ELBV2: "aws",
    BalancerKind.AWS_ELB: "aws",
}


class Balancers(Mapping[str, Balancer]):
    """One for each entry, made when it is first asked for and kept: with it its lock, one in the process."""

    def __init__(self, entries: Mapping[str, LoadBalancer]) -> None:
        self._entries = entries
        self._made: dict[str, Balancer] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> Balancer:
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(self._entries[name])
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _make(self, entry: LoadBalancer) -> Balancer:
        kind = _kind(entry)
        made: Balancer = kind(entry, [self[name] for name in entry.of]) if entry.of else kind(entry)
        return made


def _kind(entry: LoadBalancer) -> Any:
    if entry.kind not in TABLE:
        raise BadConfig(f"Load balancer {entry.name}: kind {entry.kind} is not there yet. Leave it out.")
    module, _, name = TABLE[entry.kind].partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(entry.kind)
        if extra is None:
            raise
        raise BadConfig(
            f"Load balancer {entry.name}: {entry.kind} needs the Python package {error.name}, which is not installed "
            f"where Shipway runs. Install it: pip install 'shipway[{extra}]'."
        ) from error
