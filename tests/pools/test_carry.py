"""Pools are carried out: machines come, join, and go, whatever is lost or dies on the way."""

from dataclasses import replace
from datetime import timedelta

from pipeline.errors import Rejected, Unreachable
from pipeline.pools.order import InstanceState
from pipeline.pools.pool import Pool, Provider, State
from pipeline.pools.sight import Deed
from runners.store import Store
from tests.pools.ground import Ground


def test_a_pool_grows_to_what_is_wanted_and_shrinks_again(ground: Ground):
    ground.want(4)
    ground.rounds()
    ground.settled(4)

    ground.want(1)
    ground.rounds()
    ground.settled(1)
    ground.one_machine_a_wish()
    assert len(ground.invites.revoked) >= 3


def test_hosts_of_a_pool_are_known_by_what_their_cloud_says(ground: Ground):
    ground.want(1)
    ground.rounds()

    joined = ground.store.roster.joined()[ground.machines()[0].name]
    assert (joined.host.instance, joined.provider, joined.pool) == ("i-1", "aliyun", "web")


def test_without_force_a_pool_grows_in_steps_of_thirty_percent(ground: Ground):
    ground.want(10, force=False)

    ground.carry()

    assert len(ground.machines()) == 3
    assert "7 more wait until those that come are ready" in ground.plan().held or ground.plan().held
    ground.rounds(20)
    ground.settled(10)


def test_an_answer_that_is_lost_costs_no_second_machine(ground: Ground):
    def lost(where: str) -> None:
        if where == "after launch":
            raise Unreachable("the answer was lost")

    ground.cloud.hook = lost
    ground.want(1)
    ground.carry()
    assert len(ground.cloud.made) == 1
    assert ground.machines()[0].error == "the answer was lost"

    ground.cloud.hook = lambda _: None
    ground.rounds()

    ground.settled(1)
    assert len(ground.cloud.made) == 1


def test_a_machine_that_shows_up_late_is_adopted(ground: Ground):
    ground.cloud.late = 90.0
    ground.want(1)
    ground.rounds()

    ground.settled(1)
    assert len(ground.cloud.made) == 1


def test_shipway_yml_may_change_while_an_answer_is_awaited(ground: Ground):
    """Under one token a cloud takes only the order that it was first sent."""

    def lost(where: str) -> None:
        if where == "after launch":
            raise Unreachable("the answer was lost")

    ground.cloud.hook = lost
    ground.want(1)
    ground.carry()
    ground.cloud.hook = lambda _: None
    ground.cloud.late = 3600.0  # and its list does not help
    changed = replace(ground.pool, type="ecs.c7.4xlarge")
    ground.ports.settings = replace(ground.ports.settings, pools={"web": changed})

    ground.carry()

    assert [m.state for m in ground.machines()] == [State.JOINING]
    assert len(ground.cloud.made) == 1


def test_what_the_cloud_refuses_is_given_up_and_tried_again_later_and_later(ground: Ground):
    ground.cloud.troubles = [Rejected("QuotaExceed: no more of these.")] * 2
    ground.want(1)

    ground.rounds(4)
    assert ground.machines() == []
    assert "QuotaExceed" in ground.plan().held
    assert "wait until" in ground.plan().held

    ground.rounds(30)
    ground.settled(1)
    past = ground.store.pools.past("web")
    assert [m.failed for m in past] == [True, True]
    assert past[0].wished_at - past[1].since >= timedelta(minutes=5)


def test_a_machine_that_never_joins_is_deleted_and_the_next_one_waits(store: Store):
    ground = Ground(store, enrol=False)
    ground.want(1)

    ground.rounds(20)

    assert ground.cloud.rows == {}
    past = store.pools.past("web")[0]
    assert past.failed
    assert "has not joined within 15 min" in past.why
    assert past.name in ground.invites.revoked
    assert "since the last one failed" in ground.plan().held or ground.machines()
    ground.enrol = True
    ground.rounds(60)
    ground.settled(1)


def test_orphans_are_reported_and_swept_when_they_are_old_enough(ground: Ground):
    ground.want(1)
    ground.rounds()
    stray = replace(ground.cloud.made[0], id="i-stray", wish="of nobody", launched_at=ground.clock.now())
    ground.cloud.rows["i-stray"] = stray
    assert [step.deed for step in ground.plan().steps if step.instance == "i-stray"] == [Deed.REPORT]
    ground.carry()
    assert "i-stray" in ground.cloud.rows

    ground.cloud.orders["of nobody"] = replace(
        ground.cloud.orders[ground.cloud.made[0].wish], name="web-stray"
    )
    ground.invites.revoked.append("web-stray")
    ground.rounds(17)

    assert "i-stray" not in ground.cloud.rows
    assert ground.told == ["Pool web: i-stray was deleted"]
    ground.settled(1)


def test_a_machine_that_its_cloud_lost_is_replaced(ground: Ground):
    ground.want(3)
    ground.rounds()
    del ground.cloud.rows["i-2"]

    ground.rounds()

    ground.settled(3)
    assert "i-2" not in {m.instance for m in ground.machines()}
    assert "does not know i-2" in ground.store.pools.past("web")[0].why


def test_a_spot_machine_that_is_taken_away_leaves_before_it_goes(ground: Ground):
    ground.want(2)
    ground.rounds()
    ground.cloud.change("i-1", taken="spot, it is being recycled")

    ground.carry()

    assert "i-1" not in ground.cloud.rows
    assert len(ground.store.roster.joined()) == 1
    ground.rounds()
    ground.settled(2)


def test_a_cloud_that_shows_nothing_at_all_is_not_believed(ground: Ground):
    """As with a wrong region or key: a pool of hosts that serve must not be thrown away for it."""
    ground.want(5)
    ground.rounds()
    kept = dict(ground.cloud.rows)
    ground.cloud.rows.clear()
    ground.clock.sleep(300)

    ground.carry()

    assert len(ground.store.roster.joined()) == 5
    assert ground.plan().refused
    assert "5 of 5 machines seem to be gone" in ground.plan().held
    ground.cloud.rows.update(kept)
    ground.carry()
    ground.settled(5)


def test_a_cloud_that_does_not_answer_changes_nothing(ground: Ground):
    ground.want(2)
    ground.rounds()
    ground.cloud.down = Unreachable("Pool web: no answer.")
    ground.want(3)

    ground.rounds(3)

    assert [m.state for m in ground.machines()] == [State.READY] * 2
    assert "no answer" in ground.plan().held


def test_the_release_time_is_put_off_while_a_machine_is_wanted(ground: Ground):
    ground.want(1)
    ground.rounds()
    first = ground.cloud.released["i-1"]

    for _ in range(40):
        ground.pass_time(1800.0)
        ground.carry()

    assert ground.cloud.released["i-1"] > first
    ground.settled(1)


def test_without_anybody_to_put_it_off_the_cloud_deletes_it(ground: Ground):
    ground.want(1)
    ground.rounds()

    ground.clock.sleep(ground.pool.fuse + 1)

    assert ground.cloud.instances() == []


def test_a_delete_that_fails_is_told_and_tried_again(ground: Ground):
    ground.want(1)
    ground.rounds()

    def failing(where: str) -> None:
        if where == "before terminate":
            raise Unreachable("the cloud is away")

    ground.cloud.hook = failing
    ground.want(0)
    ground.rounds(2)
    assert [(m.state, m.error) for m in ground.machines()] == [(State.LEAVING, "the cloud is away")]

    ground.cloud.hook = lambda _: None
    ground.rounds(3)
    ground.settled(0)


def test_a_protected_host_is_never_picked(ground: Ground):
    ground.want(3)
    ground.rounds()
    names = [m.name for m in ground.machines()]
    ground.store.roster.protect(names[2], True)  # the newest

    ground.want(1)
    ground.rounds()

    assert [m.name for m in ground.machines()] == [names[2]]


def test_a_machine_with_a_stopped_engine_host_is_replaced(ground: Ground):
    ground.want(2)
    ground.rounds()
    ground.cloud.change("i-2", state=InstanceState.STOPPED)

    ground.rounds(20)

    ground.settled(2)
    assert "i-2" not in ground.cloud.rows


def test_user_data_that_no_machine_takes_makes_no_wish(store: Store):
    ground = Ground(store, Pool("web", Provider.AWS, max=2))
    ground.invites.user_data = lambda *_: "#!/bin/sh\n" + "x" * 20000  # type: ignore[method-assign]
    ground.want(1)

    done = ground.carry()

    assert ground.machines() == []
    assert "16384 bytes" in done[0].error


def test_two_processes_do_not_carry_out_at_once(ground: Ground):
    ground.want(1)
    lease = ground.store.leases.take("pools", "another", 60)

    assert ground.carry() == ()
    ground.store.leases.give_back(lease)
    assert [done.step.deed for done in ground.carry()] == [Deed.LAUNCH]
