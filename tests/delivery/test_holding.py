"""An environment that takes deployments only in its windows and not during freezes: pushes wait, people are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.delivery.run import NewRun, StageName
from pipeline.errors import Conflict
from pipeline.fleet.service import Approval
from pipeline.fleet.window import Freeze, read_window
from pipeline.rollout.holding import demand_open, let_go

FRIDAY = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
HELD = "waits for the window that opens Mon 2026-11-30 09:00 UTC"


def with_place(world, **changes):
    settings = world.ports.settings
    shop = settings.service("shop")
    production = replace(shop.environments["production"], **changes)
    services = {"shop": replace(shop, environments={"production": production})}
    world.ports = replace(world.ports, settings=replace(settings, services=services))
    return world


@pytest.fixture
def closed(world):
    """On a Friday, while the window is open from Monday to Thursday."""
    world.ports.clock.at = FRIDAY
    return with_place(world, windows=(read_window("Mon-Thu 09:00-17:00", "UTC"),))


def test_push_outside_the_window_is_built_tested_and_published_and_waits(closed):
    run = closed.go()

    assert (run.status, run.held, run.deployment) == ("queued", HELD, None)
    assert closed.statuses == ["succeeded", "succeeded", "skipped", "succeeded", "pending"]
    assert (closed.source.trees, closed.builder.left_over, closed.queue.woken) == ({}, set(), [])
    assert f"production {HELD}." in closed.log
    assert closed.told == [
        f"shop production: run {run.id} {HELD}: It deploys by itself then; "
        f"`shipway run approve {run.id} --override` deploys it now (role admin)."
    ]


def test_it_deploys_what_it_published_when_the_window_opens(closed):
    published = closed.go().stage(StageName.PUBLISH).detail["image"]
    assert let_go(closed.ports) == ()
    closed.builder.deeds.clear()
    closed.ports.clock.at = MONDAY

    assert let_go(closed.ports) == (closed.run_id,)
    run = closed.go()

    assert closed.store.releases.release("shop", run.release).image == published
    assert [deed for deed in closed.builder.deeds if not deed.startswith("clean")] == []
    assert closed.queue.woken == [run.deployment]


def test_it_is_held_again_when_the_window_closed_before_a_worker_came(closed):
    closed.go()
    closed.ports.clock.at = MONDAY
    let_go(closed.ports)
    closed.ports.clock.at = MONDAY + timedelta(hours=8)

    run = closed.go()

    assert (run.deployment, run.held) == (None, HELD.replace("Mon 2026-11-30", "Tue 2026-12-01"))


def test_overridden_run_deploys_outside_the_window(closed):
    closed.go()
    closed.store.runs.approve(closed.run_id, "api:root", override=True)

    run = closed.go()

    assert (run.overridden_by, closed.queue.woken) == ("api:root", [run.deployment])


def test_newest_of_several_pushes_goes_when_it_opens(closed):
    closed.go()
    first = closed.run_id
    closed.queued(commit="b" * 40)
    closed.source.commits["b" * 40] = closed.source.commits["a" * 40]
    closed.go()
    closed.ports.clock.at = MONDAY

    assert closed.store.runs.run(first).status == "superseded"
    assert let_go(closed.ports) == (closed.run_id,)


def test_freeze_that_a_person_set_holds_until_it_is_lifted(world):
    now = datetime.now(UTC)
    world.ports.clock.at = now
    freeze = world.store.freezes.add(
        Freeze(now - timedelta(hours=1), now + timedelta(hours=1), "sale", 0, "shop", "production", "ada")
    )

    held = world.go().held
    world.store.freezes.lift(freeze.id, "ada")

    assert held.startswith("waits for the end of the freeze: sale (")
    assert let_go(world.ports) == (world.run_id,)


@pytest.mark.parametrize(("service", "environment"), [("blog", "production"), ("shop", "test")])
def test_freeze_of_another_place_holds_nothing(world, service, environment):
    now = datetime.now(UTC)
    world.ports.clock.at = now
    world.store.freezes.add(Freeze(now, now + timedelta(hours=1), "", 0, service, environment, "ada"))

    assert world.go().deployment is not None


def test_why_it_waits_is_what_holds_it_today(world):
    world = with_place(world, freezes=(Freeze(FRIDAY, FRIDAY + timedelta(days=1), "audit"),))
    world.ports.clock.at = FRIDAY
    world.go()
    world = with_place(world, windows=(read_window("Mon 09:00-17:00", "UTC"),), freezes=())

    assert let_go(world.ports) == ()

    assert world.run.held == HELD


def test_approved_run_waits_for_the_window_too(closed):
    with_place(closed, approve=Approval.MANUAL)
    assert closed.go().waits
    closed.store.runs.approve(closed.run_id, "api:ada")

    run = closed.go()

    assert (run.waits, run.held, run.approved_by) == (False, HELD, "api:ada")


def test_run_of_an_environment_that_is_gone_is_let_go_to_say_so(closed):
    closed.go()
    services = {"shop": replace(closed.ports.settings.service("shop"), environments={})}
    closed.ports = replace(closed.ports, settings=replace(closed.ports.settings, services=services))

    assert let_go(closed.ports) == (closed.run_id,)


def test_newer_push_while_it_builds_goes_first(closed):
    newer = []

    def stop():
        if not newer:
            new = NewRun("shop", "production", "branch", "main", "b" * 40, "push:ada")
            newer.append(closed.store.runs.add(new).id)
        return False

    assert closed.go(stop).status == "superseded"
    assert closed.told == []


def test_people_are_refused_with_the_reason_unless_they_override(closed):
    place = closed.ports.settings.environment("shop", "production")

    with pytest.raises(Conflict, match=f"shop/production {HELD}. Nothing was deployed.*--override"):
        demand_open(place, False, closed.ports)

    demand_open(place, True, closed.ports)
