"""The contract of `pipeline.books.Leases`, and of the fence on every guarded write."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.delivery.run import Stage, StageName, StageStatus
from pipeline.errors import Stopped
from pipeline.fleet.proxy import Backend, Route, Site
from pipeline.lease import Lease
from pipeline.rollout.deployment import Status
from runners.store import Store
from tests.contracts.samples import begun, created, deployment, release


def test_nobody_takes_what_is_held(books: Store):
    held = books.leases.take("k", "a", 30)

    assert held is not None
    assert books.leases.take("k", "b", 30) is None
    assert books.leases.take("k", "a", 30) is None
    assert books.leases.take("other", "b", 30) is not None


def test_an_expired_lease_is_taken_under_a_higher_fence(books: Store):
    old = books.leases.take("k", "a", 0.01)
    time.sleep(0.05)

    new = books.leases.take("k", "b", 30)

    assert old is not None
    assert new is not None
    assert new.fence > old.fence
    assert not books.leases.extend(old, 30)
    assert books.leases.extend(new, 30)


def test_fences_grow_across_a_give_back(books: Store):
    fences = []
    for _ in range(3):
        lease = books.leases.take("k", "a", 30)
        assert lease is not None
        fences.append(lease.fence)
        books.leases.give_back(lease)

    assert fences == sorted(set(fences))


def test_extending_keeps_others_out_and_giving_back_lets_them_in(books: Store):
    lease = books.leases.take("k", "a", 0.3)
    assert lease is not None

    assert books.leases.extend(lease, 30)
    time.sleep(0.35)

    assert books.leases.take("k", "b", 30) is None
    books.leases.give_back(lease)
    assert not books.leases.extend(lease, 30)
    assert books.leases.take("k", "b", 30) is not None


def test_giving_back_late_does_not_take_it_from_the_next_owner(books: Store):
    old = books.leases.take("k", "a", 0.01)
    time.sleep(0.05)
    books.leases.take("k", "b", 30)

    assert old is not None
    books.leases.give_back(old)

    assert books.leases.take("k", "c", 30) is None


def test_an_expired_lease_that_nobody_took_can_be_extended(books: Store):
    lease = books.leases.take("k", "a", 0.01)
    time.sleep(0.05)

    assert lease is not None
    assert books.leases.extend(lease, 30)


def _begin(books: Store, lease: Lease) -> object:
    run_id, _ = begun(books, environment="other")
    return books.runs.begin(run_id, lease)


def _save_stage(books: Store, lease: Lease) -> object:
    run_id, _ = begun(books, environment="other")
    return books.runs.save_stage(run_id, Stage(StageName.BUILD, StageStatus.RUNNING), lease)


def _finish(books: Store, lease: Lease) -> object:
    run_id, _ = begun(books, environment="other")
    return books.runs.finish(run_id, "failed", "no", lease)


def _hand_over(books: Store, lease: Lease) -> object:
    run_id, _ = begun(books)
    return books.runs.hand_over(run_id, release(), deployment(release()), lease)


def _save(books: Store, lease: Lease) -> object:
    return books.deployments.save(replace(created(books), status=Status.PREPARING), [], lease)


def _put(books: Store, lease: Lease) -> object:
    route = Route(Site("front", "web-1"), "shop", "test", backends=(Backend("1.2.3.4:5", "web-1", 1),))
    return books.routes.put(route, lease)


GUARDED = [_begin, _save_stage, _finish, _hand_over, _save, _put]


@pytest.mark.parametrize("write", GUARDED)
def test_a_stale_fence_stops_every_guarded_write(books: Store, write: Callable[[Store, Lease], object]):
    old = books.leases.take("k", "worker-a", 0.01)
    time.sleep(0.05)
    assert old is not None
    assert books.leases.take("k", "worker-b", 30)

    with pytest.raises(Stopped, match="worker-a lost the lease k: it is with worker-b"):
        write(books, old)


@pytest.mark.parametrize("write", GUARDED)
def test_a_lease_given_back_stops_every_guarded_write(books: Store, write: Callable[[Store, Lease], object]):
    old = books.leases.take("k", "worker-a", 30)
    assert old is not None
    books.leases.give_back(old)

    with pytest.raises(Stopped, match="worker-a gave the lease k back"):
        write(books, old)
