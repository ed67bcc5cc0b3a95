"""A release travels over three hosts, and back when it is bad. Everything real but the fleet, the time and the books."""

import pytest

from pipeline.rollout.deployment import Status
from runners.stand_ins.things import Quality
from tests.rollout.stage import Stage


def test_good_release_ends_on_every_host():
    stage = Stage(hosts=3, replicas=2)
    stage.live()
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, fresh)


def test_release_that_never_gets_healthy_leaves_the_old_one_everywhere():
    stage = Stage(hosts=3, replicas=2)
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH)))

    assert deployment.status is Status.ROLLED_BACK
    assert "web-1, gate: replica 0 of release 2 was not healthy within 10 s" in deployment.error
    assert "503" in deployment.error
    assert stage.world.hurt == set()
    stage.check(deployment.id, old)


@pytest.mark.parametrize(
    "quality", [Quality.BAD_BAKE, Quality.BAD_LATE, Quality.FLAP, Quality.BAD_ANSWERS, Quality.SLOW_ANSWERS]
)
def test_release_that_breaks_under_traffic_hurts_one_host_and_goes_back(quality):
    stage = Stage(hosts=3)
    old = stage.live()

    deployment = stage.run(stage.deploy(stage.release(quality)))

    assert deployment.status is Status.ROLLED_BACK
    assert stage.world.hurt == {"web-1"}
    stage.check(deployment.id, old)


def test_release_that_is_well_and_answers_500_goes_back_and_the_reason_names_the_figures():
    stage = Stage(hosts=3)
    stage.live()

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_ANSWERS)))

    assert "web-1, bake: " in deployment.error
    assert "requests to release 2 ended in 5xx (100 %), 0 % of " in deployment.error


def test_history_of_a_good_release_says_what_was_compared():
    stage = Stage(hosts=2)
    stage.live()

    number = stage.run(stage.deploy(stage.release())).id

    told = [h.text for _, h in stage.books.deployments.happenings(number) if h.kind in ("done", "settled")]
    assert len(told) == 3
    assert all("0 % ended in 5xx, 50 ms on average (release 1: " in text for text in told)


def test_history_of_a_release_without_traffic_says_that_health_alone_decided():
    stage = Stage(hosts=1)
    stage.live()
    for site in stage.sites:
        stage.world.front(site).users = 0.0

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_ANSWERS)))

    told = [h.text for _, h in stage.books.deployments.happenings(deployment.id)]
    assert deployment.status is Status.SUCCEEDED
    assert any(
        "0 requests are too few to compare (20 needed), so health alone decided" in text for text in told
    )
