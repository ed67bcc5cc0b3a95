"""The roads that a release can take: first, again, more replicas, edge proxies, none."""

from dataclasses import replace

import pytest

from pipeline.rollout.deployment import HostPhase, Reason, Status
from pipeline.rollout.release import Release, ReplicaPlan
from runners.stand_ins.things import Quality
from tests.rollout.stage import POLICY, PRODUCTION, SHOP, Stage


def test_first_release_ends_on_every_host():
    stage = Stage(hosts=2, replicas=2)
    first = stage.release()

    deployment = stage.run(stage.deploy(first))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, first)


@pytest.mark.parametrize("quality", [Quality.BAD_START, Quality.BAD_HEALTH, Quality.BAD_BAKE])
def test_first_release_that_is_bad_leaves_nothing_behind(quality):
    stage = Stage(hosts=2)

    deployment = stage.run(stage.deploy(stage.release(quality)))

    assert deployment.status is Status.ROLLED_BACK
    assert ". There was nothing to go back to" in deployment.error
    stage.check(deployment.id, None)
    assert all(not stage.books.routes.wanted(site).routes for site in stage.sites)


def test_what_is_live_already_is_done_at_once():
    stage = Stage(hosts=3)
    old = stage.live()
    began = stage.clock.now()

    deployment = stage.run(stage.deploy(old, Reason.MANUAL))

    assert deployment.status is Status.SUCCEEDED
    assert (stage.clock.now() - began).total_seconds() < 5
    assert [deed for deed in stage.world.deeds if deed.startswith(("start", "switch", "retire"))] == []


def scaled(stage: Stage, release: Release, replicas: int, quality: Quality = Quality.GOOD):
    stage.world.qualities[release.number] = quality
    before = {"replicas_before": str(stage.environment.replicas)}
    stage.books.deployments.set_replicas(SHOP, PRODUCTION, replicas)
    return stage.run(stage.deploy(release, Reason.SCALE, attributes=before))


@pytest.mark.parametrize(("before", "replicas"), [(1, 3), (3, 1), (2, 1)])
def test_scale_changes_the_number_of_replicas_and_nothing_else(before, replicas):
    stage = Stage(hosts=2, replicas=before)
    live = stage.live()

    deployment = scaled(stage, live, replicas)

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, live)
    assert [deed for deed in stage.world.deeds if deed.startswith("pull")] == []


def test_scale_that_does_not_come_about_leaves_as_many_as_before():
    stage = Stage(hosts=2, replicas=1)
    live = stage.live()
    stage.world.taken.add("web-2")

    deployment = scaled(stage, live, 2)

    assert deployment.status is Status.ROLLED_BACK
    assert "no free port" in deployment.error
    assert stage.books.deployments.environment(SHOP, PRODUCTION).replicas == 1
    stage.check(deployment.id, live)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_HEALTH, Quality.BAD_LATE])
@pytest.mark.parametrize("proxy", [True, False])
def test_one_edge_or_no_proxy_is_served_as_well(quality, proxy):
    stage = Stage(hosts=3, replicas=2, edge=proxy, proxy=proxy)
    old = stage.live()
    fresh = stage.release(quality)

    deployment = stage.run(stage.deploy(fresh))

    stage.check(deployment.id, fresh if quality is Quality.GOOD else old)


def test_broken_live_release_can_be_replaced():
    stage = Stage(hosts=2, replicas=2)
    stage.live()
    for container in stage.world.at("web-2"):
        container.restart_always = False
        stage.world.end(container, exit_code=1)
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, fresh)
    warnings = [h.text for _, h in stage.books.deployments.happenings(deployment.id) if h.kind == "warning"]
    assert "2 of 2 replicas of release 1 were dead already" in warnings


def test_replicas_that_died_before_are_brought_back_by_a_way_back():
    stage = Stage(hosts=2)
    old = stage.live()
    dead = stage.world.at("web-2")[0]
    dead.restart_always = False
    stage.world.end(dead, exit_code=1)

    deployment = stage.run(stage.deploy(stage.release(Quality.BAD_HEALTH)))

    assert deployment.status is Status.ROLLED_BACK
    stage.check(deployment.id, old)


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda world: world.skew.update({"web-2": 31.0}), "web-2, preflight: its clock is +31 s off ours"),
        (
            lambda world: world.free.update({"web-2": 5 << 20}),
            "web-2, preflight: only 5 MiB of disk are free",
        ),
        (lambda world: world.missing.add("r/shop@sha256:2"), "pull: the registry has no r/shop@sha256:2"),
        (lambda world: setattr(world, "registry_up", False), "not everything was ready within 600 s"),
        (lambda world: setattr(world, "hook_ends", (3, "no table")), "ended with code 3: no table"),
        (
            lambda world: [setattr(front, "refuses", True) for front in world.fronts.values()],
            "proxy check: front@web-1: the configuration does not load",
        ),
        (
            lambda world: [setattr(c, "installation", "f00d") for c in world.at("web-2")],
            "web-2, preflight: another Shipway (installation f00d) runs shop/production there",
        ),
        (
            lambda world: [setattr(front, "installation", "f00d") for front in world.fronts.values()],
            "proxy check: front@web-1 was made by another Shipway (installation f00d); left alone",
        ),
    ],
)
def test_failed_preflight_touches_nothing_and_says_why(break_it, why):
    stage = Stage(hosts=2)
    old = stage.live()
    fresh = stage.release(before_deploy=("./migrate",))
    break_it(stage.world)

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.FAILED
    assert why in deployment.error
    assert "nothing that serves was changed" in deployment.error
    stage.check(deployment.id, old)


def test_number_that_was_another_release_before_the_database_was_restored_is_not_taken_for_it():
    stage = Stage(hosts=2, replicas=2)
    stage.live()
    fresh = stage.release()
    lost = replace(fresh, image="r/shop@sha256:lost")
    for host in stage.names:
        stage.world.images[host].add(lost.image)
        for index in range(2):
            stage.world.start(
                host, ReplicaPlan(SHOP, PRODUCTION, fresh.number, lost.image, lost.spec, 9, index)
            )

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, fresh)
    assert {c.plan.image for c in stage.world.containers.values()} == {fresh.image}


def test_books_restored_from_an_old_backup_get_past_what_the_proxies_serve():
    stage = Stage(hosts=2)
    stage.live()
    for site in stage.sites:
        stage.world.front(site).generation += 7
    fresh = stage.release()

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    stage.check(deployment.id, fresh)
    assert all(stage.world.front(site).generation > 8 for site in stage.sites)


def test_image_to_go_back_to_that_is_gone_is_said_before_anything_is_touched():
    stage = Stage(hosts=2)
    old = stage.live()
    stage.world.images["web-2"].discard(old.image)
    number = stage.deploy(stage.release())

    stage.driver(number, lambda: any(deed.startswith("start") for deed in stage.world.deeds))

    history = [h for _, h in stage.books.deployments.happenings(number)]
    warnings = [h for h in history if h.kind == "warning"]
    assert [(h.host, "going back would need the registry" in h.text) for h in warnings] == [("web-2", True)]
    assert history.index(warnings[0]) < min(at for at, h in enumerate(history) if h.kind == "starting")


def test_command_before_the_deploy_runs_once():
    stage = Stage(hosts=3)
    stage.live()
    fresh = stage.release(before_deploy=("./migrate",))

    deployment = stage.run(stage.deploy(fresh))

    assert deployment.status is Status.SUCCEEDED
    assert [deed for deed in stage.world.deeds if deed.startswith("run")] == ["run before_deploy on web-1"]


def test_route_that_does_not_load_goes_back_and_keeps_what_serves():
    stage = Stage(hosts=2)
    old = stage.live()
    number = stage.deploy(stage.release())
    stage.driver(number, lambda: bool(stage.books.deployments.deployment(number).record("web-1").touched))

    stage.world.front(stage.sites[0]).refuses = True
    stage.driver(number, lambda: stage.books.deployments.deployment(number).status is Status.ROLLING_BACK)
    stage.world.front(stage.sites[0]).refuses = False
    deployment = stage.run(number)

    assert deployment.status is Status.ROLLED_BACK
    assert "front@web-1, switch: front@web-1: the configuration does not load" in deployment.error
    stage.check(number, old)


def test_record_tells_where_and_why_it_failed():
    stage = Stage(hosts=2)
    stage.live()
    number = stage.deploy(stage.release(Quality.BAD_START), run=7)

    deployment = stage.run(number)

    assert deployment.record("web-1").phase is HostPhase.FAILED
    assert "replica 0 of release 2 exited with code 1" in deployment.record("web-1").error
    logs = [h for _, h in stage.books.deployments.happenings(number) if h.kind == "log"]
    assert [(h.host, h.text.startswith("last words of")) for h in logs] == [("web-1", True)]
    assert "rolled back: web-1, gate: replica 0" in stage.logs.text[7]
    assert stage.notices.told[-1].startswith("shop/production: release 2 rolled back: web-1")


def test_deployment_waits_for_the_one_before_it():
    stage = Stage(hosts=1)
    stage.live()
    first = stage.deploy(stage.release())
    stage.driver(first, lambda: stage.books.deployments.deployment(first).status is Status.ROLLING)
    second = stage.deploy(stage.release())

    assert stage.driver(second).status is Status.PENDING
    assert second not in stage.books.deployments.due()

    stage.run(first)
    assert stage.run(second).previous.number == 2


def test_images_that_are_needed_stay_and_others_go():
    stage = Stage(hosts=1, policy=replace(POLICY, keep=2))
    stage.live()
    for _ in range(4):
        stage.run(stage.deploy(stage.release()))

    assert stage.world.images["web-1"] == {"r/shop@sha256:4", "r/shop@sha256:5"}
