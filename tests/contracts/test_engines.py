"""Port `Engines`."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.errors import Rejected, Unreachable
from pipeline.rollout.observed import ReplicaState
from pipeline.rollout.release import RuntimeSpec
from tests.contracts.grounds import ONE_EACH, TRANSPORTS, Ground, look, make, seen, started


@pytest.fixture(scope="module", params=[*ONE_EACH, *TRANSPORTS])
def place(request: pytest.FixtureRequest) -> Iterator[Ground]:
    made = make(request.param)
    yield made
    made.close()


@pytest.fixture
def ground(place: Ground) -> Ground:
    """With nothing on it."""
    place.clear()
    return place


def test_host_without_replicas_is_reachable_and_has_a_boot(ground: Ground):
    found = seen(ground)

    assert (found.reachable, found.error, found.replicas) == (True, "", ())
    assert found.boot


def test_host_that_does_not_answer_is_told_not_raised(ground: Ground):
    found = ground.engines.look(ground.lost, "shop", "production")

    assert (found.reachable, found.replicas) == (False, ())
    assert found.error


def test_pulled_image_lies_on_the_host(ground: Ground):
    image = ground.plan().image
    service = image.partition("@")[0].rsplit("/", 1)[-1]

    assert image in ground.engines.look(ground.host, service, "production").images


def test_image_that_nobody_has_is_rejected(ground: Ground):
    with pytest.raises(Rejected):
        ground.engines.pull(ground.host, ground.missing(), ground.access)


def test_started_replica_runs_has_an_address_and_no_restart_policy(ground: Ground):
    ground.engines.start(ground.host, ground.plan(release=2, index=1))
    found = look(ground)

    assert [(r.release, r.index, r.state, r.restart_always) for r in found] == [
        (2, 1, ReplicaState.RUNNING, False)
    ]
    assert found[0].address
    assert found[0].started_at


def test_starting_twice_adopts_what_runs(ground: Ground):
    first = started(ground)
    ground.engines.start(ground.host, ground.plan())

    assert look(ground) == (first,)


def test_dead_replica_is_seen_as_such_and_replaced_by_a_start(ground: Ground):
    first = started(ground)
    ground.die(first.container)
    dead = look(ground)[0]
    ground.engines.start(ground.host, ground.plan())
    found = look(ground)

    assert dead.state is ReplicaState.EXITED
    assert dead.exit_code is not None
    assert [replica.state for replica in found] == [ReplicaState.RUNNING]
    assert found[0].container != first.container


def test_kept_replica_restarts_from_now_on(ground: Ground):
    first = started(ground)
    ground.engines.keep(ground.host, first.container)
    ground.engines.keep(ground.host, first.container)

    assert look(ground)[0].restart_always
    assert look(ground)[0].started_at == first.started_at


def test_retired_replica_is_gone_and_retiring_again_is_fine(ground: Ground):
    first = started(ground)
    ground.engines.retire(ground.host, first.container, 2)
    ground.engines.retire(ground.host, first.container, 2)

    assert look(ground) == ()
    assert ground.engines.logs(ground.host, first.container) == ""


def test_command_runs_once_and_leaves_no_replica(ground: Ground):
    code, _ = ground.engines.once(ground.host, ground.plan(), ["true"], 20)

    assert code == 0
    assert look(ground) == ()


def test_effects_on_a_host_that_does_not_answer_are_unreachable(ground: Ground):
    with pytest.raises(Unreachable):
        ground.engines.start(ground.lost, ground.plan())
    with pytest.raises(Unreachable):
        ground.engines.retire(ground.lost, "c1", 1)
    with pytest.raises(Unreachable):
        ground.engines.logs(ground.lost, "c1")


def test_replicas_of_another_installation_are_said_and_not_seen(ground: Ground):
    theirs, _ = ground.another("a" * 16)
    mine, _ = ground.another("b" * 16)
    theirs.start(ground.host, ground.plan())
    plan = ground.plan()

    found = mine.look(ground.host, plan.service, plan.environment)
    own = theirs.look(ground.host, plan.service, plan.environment)

    assert (found.replicas, found.stranger) == ((), "a" * 16)
    assert (len(own.replicas), own.stranger) == (1, "")


def test_replicas_of_another_installation_are_neither_adopted_nor_kept_nor_stopped(ground: Ground):
    theirs, _ = ground.another("a" * 16)
    mine, _ = ground.another("b" * 16)
    theirs.start(ground.host, ground.plan())
    plan = ground.plan()
    (replica,) = theirs.look(ground.host, plan.service, plan.environment).replicas

    with pytest.raises(Rejected, match="another Shipway"):
        mine.start(ground.host, plan)
    with pytest.raises(Rejected, match="another Shipway"):
        mine.keep(ground.host, replica.container)
    with pytest.raises(Rejected, match="another Shipway"):
        mine.retire(ground.host, replica.container, 1)

    assert theirs.look(ground.host, plan.service, plan.environment).replicas == (replica,)


def test_replicas_without_the_mark_of_an_installation_are_ours(ground: Ground):
    first = started(ground)
    mine, _ = ground.another("b" * 16)
    plan = ground.plan()
    mine.start(ground.host, plan)

    found = mine.look(ground.host, plan.service, plan.environment)

    assert (found.replicas, found.stranger) == ((first,), "")


def test_running_replica_of_the_same_number_and_another_image_is_not_adopted(ground: Ground):
    first = started(ground)
    other = replace(ground.plan(), image=ground.other_image(), spec=RuntimeSpec(command=("sleep", "60")))

    ground.engines.start(ground.host, other)
    ground.engines.start(ground.host, other)

    found = look(ground)
    assert sorted(replica.image for replica in found) == sorted([first.image, other.image])
    assert first in [replace(replica, name=first.name) for replica in found]


def test_an_image_that_is_there_weighs_nothing_and_one_that_is_gone_cannot_be_weighed(ground: Ground) -> None:
    there, gone = ground.plan().image, ground.missing()

    assert ground.engines.weight(ground.host, there, ground.access) == 0
    assert ground.engines.weight(ground.host, gone, ground.access) is None
    assert ground.engines.weight(ground.host, gone, ground.access, spare=1 << 40) is None


def test_an_image_that_fits_in_any_case_is_weighed_as_a_whole(ground: Ground) -> None:
    image = ground.plan().image
    ground.weighs(image)

    whole = ground.engines.weight(ground.host, image, ground.access, spare=1 << 40)

    assert whole is not None
    assert whole > 0
    assert ground.engines.weight(ground.host, image, ground.access, spare=whole) == whole
    assert ground.engines.weight(ground.host, image, ground.access, spare=whole - 1) == 0
