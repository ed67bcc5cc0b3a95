"""The picture of where requests go: what is drawn, in which tone, and that it stays small."""

from pipeline.fleet.balancer import MemberState
from pipeline.rollout.observed import ReplicaState
from pipeline.web.fleet_answers import (
    BackendAnswer,
    EnvironmentAnswer,
    EnvironmentHost,
    MemberAnswer,
    ProxyAnswer,
    ReplicaAnswer,
)
from pipeline.web.pages.topology import SHOWN, WIDTH, Box, picture_of


def replica(name, state):
    return ReplicaAnswer(
        container=name,
        name=name,
        release=3,
        index=0,
        state=state,
        address=name,
        started_at="",
        health="",
        exit_code=None,
        oom=False,
    )


def host(name, state):
    return EnvironmentHost(
        host=name,
        address="",
        reachable=True,
        error="",
        free_bytes=None,
        clock_skew=None,
        replicas=[replica(name, state)],
        placed=1,
        drained="",
    )


def front(name, backend):
    routed = BackendAnswer(
        address=name, state=backend, host=name, release=3, sessions=0, requests=0, errors=0
    )
    return ProxyAnswer(proxy="front", host=name, running=True, generation=1, error="", backends=[routed])


def member(name, state):
    return MemberAnswer(host=name, target=name, state=state, ours=True, weight=None, reason="")


def seen(hosts=1, state=ReplicaState.RUNNING, backend="ready", balancer="entry", serving=MemberState.SERVING):
    names = [f"a-host-with-a-long-name-{n}" for n in range(hosts)]
    return EnvironmentAnswer(
        service="shop",
        environment="production",
        live=3,
        last_good=3,
        release=None,
        outdated_secrets=[],
        replicas=1,
        active_deployment=None,
        hosts=[host(name, state) for name in names],
        proxies=[front(name, backend) for name in names],
        load_balancer=balancer,
        members=[member(name, serving) for name in names],
        load_balancer_error="",
    )


def tones(picture):
    return [box.tone for box in picture.boxes], [line.tone for line in picture.lines]


def test_what_is_well_is_good_from_the_entrance_to_the_replica():
    assert tones(picture_of(seen())) == (["good"] * 3, ["good"] * 2)


def test_what_is_not_sent_to_is_not_drawn_as_if_it_were():
    assert tones(picture_of(seen(serving=MemberState.PARKED)))[1] == ["idle", "good"]
    assert tones(picture_of(seen(backend="drain"))) == (["good", "warn", "good"], ["good", "idle"])
    assert tones(picture_of(seen(state=ReplicaState.EXITED))) == (["good", "good", "bad"], ["good", "bad"])


def test_without_a_load_balancer_the_proxies_stand_on_the_left():
    picture = picture_of(seen(balancer=None))

    assert not picture.entrance
    assert [box.x for box in picture.boxes] == [0, WIDTH - 104]


def test_nothing_is_drawn_of_nothing():
    assert picture_of(seen(hosts=0)) is None


def test_a_large_fleet_is_drawn_in_part_and_says_so():
    picture = picture_of(seen(hosts=SHOWN + 5))

    assert picture.left_out == 5
    assert len(picture.boxes) == 2 * SHOWN + 1
    assert all(len(box.short) <= 14 for box in picture.boxes)
    assert all(len(box.short_note) <= 16 for box in picture.boxes)


def test_a_note_that_is_too_long_keeps_its_number():
    assert Box(0, 0, "web-1", "front-of-the-shop · 12", "good").short_note == "front-of-t… · 12"
    assert Box(0, 0, "entry", "2/3", "good").short_note == "2/3"
