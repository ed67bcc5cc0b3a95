"""Whoever carries a pool out is killed at any place, or replaced while it sleeps: no machine is lost or made twice."""

import contextlib
import shutil

import pytest

from pipeline.pools.pool import State
from runners.store import Store, open_store
from tests.pools.ground import Ground, Killed


def story(ground: Ground) -> list[str]:
    """Grows to two and shrinks to one; every place that was passed."""
    passed: list[str] = []
    ground.mortal = ground.cloud.hook = passed.append
    ground.want(2)
    ground.rounds(6)
    ground.want(1)
    ground.rounds(6)
    return passed


PLACES = ("wish", "save", "launch", "terminate", "identify", "drain", "resume", "remove")


def _places(passed: list[str]) -> list[int]:
    """Reads may be cut anywhere: nothing follows from them."""
    return [number for number, where in enumerate(passed) if where.partition(" ")[2] in PLACES]


def test_a_process_that_is_killed_anywhere_costs_no_machine_and_leaves_none(
    store: Store, tmp_path_factory, empty
):
    whole = story(Ground(store))
    places = _places(whole)
    assert len(places) > 20

    for at in places:
        ground = Ground(_fresh(empty, tmp_path_factory))
        _killed_at(at, ground)
        ground.settled(1)
        ground.one_machine_a_wish()
        ground.store.close()


def _killed_at(at: int, ground: Ground) -> None:
    """Once, at the so-manieth place; the next process goes on."""
    counter = iter(range(10**6))

    def pass_by(where: str) -> None:
        if next(counter) == at:
            raise Killed(where)

    ground.mortal = ground.cloud.hook = pass_by
    for wanted in (2, 1):
        ground.want(wanted)
        for _ in range(8):
            with contextlib.suppress(Killed):
                ground.carry()
            ground.pass_time()


def _fresh(empty, factory) -> Store:
    folder = factory.mktemp("killed") / "books"
    shutil.copytree(empty, folder)
    return open_store(f"sqlite:///{folder}/shipway.db", str(folder / "keys"))


def test_a_process_that_was_replaced_while_it_slept_writes_nothing(ground: Ground):
    def stolen(where: str) -> None:
        if where == "before launch":
            ground.store.leases.give_back(next_lease[0])
            assert ground.store.leases.take("pools", "another", 60)

    next_lease = []
    take = ground.store.leases.take

    def remembered(*words):
        next_lease.append(take(*words))
        return next_lease[-1]

    ground.ports.leases = type("L", (), {"take": staticmethod(remembered), "extend": ground.store.leases.extend,
                                         "give_back": ground.store.leases.give_back})()  # fmt: skip
    ground.cloud.hook = stolen
    ground.want(1)
    with pytest.raises(Exception, match="lost the lease"):
        ground.carry()

    assert [m.state for m in ground.machines()] == [State.LAUNCHING]
    assert len(ground.cloud.made) == 1
