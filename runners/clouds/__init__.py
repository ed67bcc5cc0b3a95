"""Clouds that make machines, by the names of pools in shipway.yml. Adding a provider: write the module, add a line here and
in `Provider`, and run tests/contracts/test_clouds.py over it.

A provider is imported when a pool of it is first asked for: a cloud's SDK costs a fifth of a second and may be missing.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from threading import RLock
from typing import Any

from pipeline.errors import BadConfig
from pipeline.pools.cloud import Compute
from pipeline.pools.pool import Pool, Provider

TABLE: dict[Provider, str] = {
    Provider.ALIYUN: "runners.clouds.aliyun:AliyunEcs",
    Provider.AWS: "runners.clouds.aws:AwsEc2",
    Provider.LAB: "runners.clouds.lab:LabMachines",
}


class Clouds(Mapping[str, Compute]):
    """One for each pool, made when it is first asked for and kept. `installation`: this Shipway's id, for the tags."""

    def __init__(self, pools: Mapping[str, Pool], installation: Callable[[], str]) -> None:
        self._pools = pools
        self._installation = installation
        self._made: dict[str, Compute] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> Compute:
        pool = self._pools[name]
        with self._lock:
            if name not in self._made:
                self._made[name] = _loaded(pool)(pool, self._installation())
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def __len__(self) -> int:
        return len(self._pools)


def _loaded(pool: Pool) -> Any:
    module, _, name = TABLE[pool.provider].partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"Pool {pool.name} needs the Python package {error.name}. Install it: pip install 'shipway[{pool.provider}]'."
        ) from error
