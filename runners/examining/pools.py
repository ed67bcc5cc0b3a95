"""Pools: whether the cloud lets us in, whether it would make a machine as shipway.yml has it, and whether that could join."""

from collections.abc import Callable, Iterator
from datetime import datetime

from pipeline.errors import Rejected
from pipeline.pools.cloud import Compute
from pipeline.pools.order import ordered
from pipeline.pools.pool import Pool, Provider
from pipeline.settings import Server
from runners.examining.books import there
from runners.examining.finding import Finding, bad, ok
from runners.own_store import store_of

NOTHING = "#!/bin/sh\n"  # user data of a machine that nobody makes
NOBODY = "none-yet"  # no machine carries this name of an installation


def installation_of(server: Server) -> Callable[[], str]:
    """For the tags; before the first start there is none, and no machine of it."""

    def named() -> str:
        if server.installation or not there(server):
            return server.installation or NOBODY
        store = store_of(server)
        try:
            return store.installation.name()
        finally:
            store.close()

    return named


def look_at_pool(pool: Pool, cloud: Compute, may_join: bool, now: datetime) -> list[Finding]:
    """Raises what the cloud refuses when it is asked what there is."""
    label, found = f"pool {pool.name}", cloud.instances()
    told = ok(label, f"{pool.provider} answers, machines with our tags: {len(found)}")
    return [told, *_joining(label, may_join), *_rehearsed(label, pool, cloud, now)]


def _joining(label: str, may_join: bool) -> Iterator[Finding]:
    if not may_join:
        mend = "set enrolment.address in shipway.yml; docs/hosts.md"
        yield bad(label, "its machines could not join: `enrolment` is not set", mend)


def _rehearsed(label: str, pool: Pool, cloud: Compute, now: datetime) -> Iterator[Finding]:
    """The clouds look at image, size, network, quota and rights as if they made one, and make none."""
    if pool.provider is Provider.LAB or not pool.max:
        return
    try:
        cloud.rehearse(ordered(pool, "doctor", f"{pool.name}-doctor", NOTHING, now))
    except Rejected as error:
        mend = f"correct pools.{pool.name} in shipway.yml, or the rights that docs/hosts-pools.md lists"
        yield bad(label, f"it would make no machine: {error}", mend)
    else:
        yield ok(label, f"it would make {pool.type} machines out of {pool.image}")
