"""Where users reach a load balancer, asked of its cloud once. Of a chain it is the outermost one's."""

from collections.abc import Mapping
from importlib import import_module

from pipeline.errors import BadConfig, Rejected
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from runners.balancers import EXTRAS
from runners.patience import Patience

TABLE: dict[BalancerKind, str] = {
    BalancerKind.ALIYUN_SLB: "runners.balancers.aliyun_slb:address_of",
    BalancerKind.AWS_ELBV2: "runners.balancers.aws_elbv2:address_of",
    BalancerKind.AWS_ELB: "runners.balancers.aws_elb:address_of",
}
_LOOK = 5.0  # seconds


class CloudAddresses:
    """Implements `pipeline.entrances.addresses.Addresses`."""

    def __init__(self, entries: Mapping[str, LoadBalancer], patience: Patience | None = None) -> None:
        self._entries = entries
        self._patience = patience or Patience(_LOOK)
        self._known: dict[str, str] = {}

    def of(self, load_balancer: str) -> str:
        if load_balancer not in self._known:
            entry = self._outermost(load_balancer)
            self._known[load_balancer] = self._patience.retrying(lambda: _asked(entry))
        return self._known[load_balancer]

    def _outermost(self, name: str) -> LoadBalancer:
        entry = self._entries[name]
        return self._outermost(entry.of[0]) if entry.of else entry


def _asked(entry: LoadBalancer) -> str:
    if entry.kind not in TABLE:
        raise Rejected(
            f"Load balancer {entry.name}: {entry.kind} cannot tell its own address. Write the region's `address`."
        )
    module, _, name = TABLE[entry.kind].partition(":")
    try:
        found = str(getattr(import_module(module), name)(entry)).rstrip(".")
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"Load balancer {entry.name}: {entry.kind} needs the Python package {error.name}, which is not installed where "
            f"Shipway runs. Install it: pip install 'shipway[{EXTRAS[entry.kind]}]'."
        ) from error
    if not found:
        raise Rejected(
            f"Load balancer {entry.name}: its cloud names no address that users could reach; it is internal, or not made "
            "yet. Write the region's `address`."
        )
    return found
