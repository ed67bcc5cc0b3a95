"""Which effects are applied side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.lease import deployment_key
from pipeline.rollout.apply import apply
from pipeline.rollout.effects import Effect, Prune, Retire, Start
from pipeline.rollout.release import HealthCheck, HealthKind, ReplicaPlan
from runners.stand_ins.things import Quality
from runners.stand_ins.time import InlineHands
from tests.rollout.stage import PRODUCTION, SHOP, Stage


class CountingHands(InlineHands):
    def __init__(self) -> None:
        self.together: list[int] = []

    def each(self, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
        self.together.append(len(jobs))
        return super().each(jobs)


def test_the_replicas_of_one_host_start_side_by_side():
    stage = Stage(hosts=1, replicas=3)
    release = stage.release()
    stage.world.images["web-1"].add(release.image)
    number = stage.deploy(release)
    hands = CountingHands()
    effects: list[Effect] = [
        Start(
            "web-1", ReplicaPlan(SHOP, PRODUCTION, release.number, release.image, release.spec, number, index)
        )
        for index in range(3)
    ]
    lease = stage.books.leases.take(deployment_key(number), "me", 5.0)

    outcomes = apply(
        effects, stage.books.deployments.deployment(number), lease, replace(stage.ports, hands=hands)
    )

    assert hands.together == [1, 3]
    assert [outcome.effect for outcome in outcomes] == effects
    assert stage.running("web-1") == [(release.number, index) for index in range(3)]


def test_the_replicas_of_one_host_end_side_by_side_and_its_images_go_after_them():
    stage = Stage(hosts=1, replicas=2)
    release = stage.release()
    stage.world.images["web-1"].add(release.image)
    number = stage.deploy(release)
    for index in range(2):
        plan = ReplicaPlan(SHOP, PRODUCTION, release.number, release.image, release.spec, number, index)
        stage.ports.engines.start(stage.ports.settings.hosts["web-1"], plan)
    hands, containers = CountingHands(), [replica.id for replica in stage.world.at("web-1")]
    effects: list[Effect] = [Prune("web-1"), *(Retire("web-1", one, 10.0) for one in containers)]
    lease = stage.books.leases.take(deployment_key(number), "me", 5.0)

    outcomes = apply(
        effects, stage.books.deployments.deployment(number), lease, replace(stage.ports, hands=hands)
    )

    assert hands.together == [1, 2]
    assert [type(outcome.effect).__name__ for outcome in outcomes] == ["Retire", "Retire", "Prune"]
    assert stage.running("web-1") == []


def test_a_proxy_is_told_what_the_release_that_it_serves_is_asked_for():
    stage = Stage(hosts=1)
    stage.live(health=HealthCheck(HealthKind.HTTP, "/old"))
    site = stage.sites[0]

    stage.run(stage.deploy(stage.release(health=HealthCheck(HealthKind.HTTP, "/new"))))
    new = stage.books.routes.wanted(site).routes[0].health
    stage.run(stage.deploy(stage.release(Quality.BAD_BAKE, health=HealthCheck(HealthKind.TCP, "/bad"))))

    assert new == "/new"
    assert stage.books.routes.wanted(site).routes[0].health == "/new"
