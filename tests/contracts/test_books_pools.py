"""The contract of `pipeline.pools.book.Pools`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from pipeline.errors import NotFound, Stopped
from pipeline.pools.order import Order
from pipeline.pools.pool import Event, Machine, State
from pipeline.secret import Secret
from runners.store import Store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEB = Machine("web", "a1b2c3d4e5f6", NOON, NOON, why="2 are wanted", release_at=NOON)
ORDER = Order("a1b2c3d4e5f6", "web-a1b2c3d4", "web", "cn-hangzhou", type="ecs.c7.large", spot=True,
              release_at=NOON, user_data=Secret("#!/bin/sh\ntoken hush"), tags={"shipway-pool": "web"})  # fmt: skip


def test_what_is_wanted_is_read_until_another_number_is(books: Store):
    assert books.pools.wanted("web") is None
    books.pools.want("web", 2, "evening", "scaling")
    second = books.pools.want("web", 3, "campaign", "ada", forced=True)
    books.pools.want("api", 1, "", "ada")

    assert books.pools.wanted("web") == second
    assert (second.machines, second.why, second.by, second.forced) == (3, "campaign", "ada", True)


def test_force_ends_when_a_pool_has_what_was_wanted(books: Store):
    books.pools.want("web", 3, "campaign", "ada", forced=True)

    books.pools.settle("web")

    wanted = books.pools.wanted("web")
    assert wanted is not None
    assert (wanted.machines, wanted.forced) == (3, False)


def test_machine_and_its_order_are_read_as_they_were_written(books: Store):
    lease = books.leases.take("pools", "ada", 60)

    made = books.pools.wish(WEB, ORDER, lease)

    assert made == replace(WEB, id=made.id)
    assert books.pools.machines("web") == [made]
    assert books.pools.order(made.id) == ORDER


def test_order_is_sealed_and_forgotten_once_the_machine_is_known(books: Store):
    lease = books.leases.take("pools", "ada", 60)
    made = books.pools.wish(WEB, ORDER, lease)
    sealed = books._database.read(lambda tx: tx.execute(text("SELECT sealed FROM pool_machines")).scalar())
    assert "hush" not in sealed

    asked = made.after(Event.ASK, NOON)
    books.pools.save(asked, lease)
    assert books.pools.order(made.id) == ORDER

    known = replace(asked.after(Event.MADE, NOON), instance="i-1", address="10.0.0.1")
    books.pools.save(known, lease)

    assert books.pools.machines() == [known]
    with pytest.raises(NotFound, match="not kept"):
        books.pools.order(made.id)


def test_those_that_are_gone_are_told_apart_and_the_newest_comes_first(books: Store):
    lease = books.leases.take("pools", "ada", 60)
    gone = []
    for number in range(3):
        made = books.pools.wish(replace(WEB, wish=f"wish-{number}"), ORDER, lease)
        gone.append(replace(made, state=State.GONE, since=NOON.replace(minute=number), failed=number == 1))
        books.pools.save(gone[-1], lease)

    assert books.pools.machines("web") == []
    assert books.pools.past("web", 2) == [gone[2], gone[1]]
    assert books.pools.past("api") == []


def test_one_wish_is_written_down_once(books: Store):
    lease = books.leases.take("pools", "ada", 60)
    books.pools.wish(WEB, ORDER, lease)

    with pytest.raises(Exception, match=r"(?i)unique"):
        books.pools.wish(WEB, ORDER, lease)


def test_who_lost_the_lease_writes_nothing(books: Store):
    stale = books.leases.take("pools", "ada", 60)
    made = books.pools.wish(WEB, ORDER, stale)
    books.leases.give_back(stale)
    books.leases.take("pools", "eve", 60)

    with pytest.raises(Stopped):
        books.pools.wish(replace(WEB, wish="another"), ORDER, stale)
    with pytest.raises(Stopped):
        books.pools.save(made.after(Event.ASK, NOON), stale)

    assert books.pools.machines() == [made]
