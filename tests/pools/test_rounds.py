"""The scheduler's look at pools: what it holds is kept while a cloud takes its time, and soon free when it was killed."""

import threading
from dataclasses import make_dataclass

from pipeline.lease import Lease
from pipeline.pools import carry
from pipeline.rounds import pooling
from tests.pools.ground import Ground

TTL = 0.2


class Counted:
    """The books' leases; tells of each extension."""

    def __init__(self, ground: Ground) -> None:
        self._leases = ground.store.leases
        self.extended = threading.Semaphore(0)
        self.take, self.give_back = self._leases.take, self._leases.give_back

    def extend(self, lease: Lease, ttl: float) -> bool:
        done = self._leases.extend(lease, ttl)
        self.extended.release()
        return done


def test_a_cloud_that_takes_longer_than_the_lease_is_waited_for_alone(ground: Ground, monkeypatch):
    monkeypatch.setattr(carry, "TTL", TTL)
    leases, others = Counted(ground), []

    def slow(where: str) -> None:
        if where == "before launch":
            assert all(leases.extended.acquire(timeout=5) for _ in range(12))  # three times its length
            others.append(ground.store.leases.take(carry.KEY, "another", 60))

    ground.cloud.hook = slow
    ground.want(1)
    fields = vars(ground.ports) | {"leases": leases}
    ports = make_dataclass("Ports", fields)(**fields)

    pooling(ports)()

    assert others == [None]
    assert len(ground.machines()) == 1
    assert ground.store.leases.take(carry.KEY, "another", 60)
