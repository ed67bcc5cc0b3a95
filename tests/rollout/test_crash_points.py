"""The driver is killed at every effect and every commit, again and again, or frozen while another takes over.

SHIPWAY_SWEEP=full tells every story in every shape; otherwise each kind of fault is told where it differs most.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.rollout.deployment import Status
from runners.stand_ins.things import SEEN_BY_PROXIES, Quality, Violation
from runners.stand_ins.time import VirtualClock
from tests.parts.empty_store import empty_store
from tests.rollout.faults import changed_by_somebody, crash_at, crash_every, freeze_at, outage, points
from tests.rollout.mortal import Books
from tests.rollout.shapes import PLAIN, SHAPES, Shape
from tests.rollout.story import Story

FULL = os.environ.get("SHIPWAY_SWEEP") == "full"
TELLING = (Quality.GOOD, Quality.BAD_HEALTH, Quality.BAD_LATE, Quality.BAD_ANSWERS)
ROADS = [
    (shape, quality)
    for shape in SHAPES
    for quality in Quality
    if SHAPES[shape].proxy or quality not in SEEN_BY_PROXIES
]
QUICK = [(s, q) for s, q in ROADS if s == "two hosts" or (s != "two at once" and q in TELLING)]


def told(tell: Callable[[], object], *fault: object) -> None:
    """What went wrong names the fault that showed it."""
    try:
        tell()
    except Violation as violation:
        raise Violation(f"{fault}: {violation}") from violation


@pytest.mark.parametrize(("shape", "quality"), ROADS if FULL else QUICK)
def test_driver_may_be_killed_anywhere(shape, quality):
    for point in range(1, points(quality, SHAPES[shape]) + 1):
        story = Story(quality, SHAPES[shape])
        crash_at(story, point)
        told(story.tell, "crash", point)


@pytest.mark.parametrize("quality", Quality)
def test_verdict_comes_however_often_the_driver_is_killed(quality):
    for step in (11, 13, 17, 23, 37):
        story = Story(quality)
        crash_every(story, step)
        told(story.tell, "crash every", step)


@pytest.mark.parametrize("quality", Quality)
def test_driver_that_is_killed_all_the_time_does_no_harm(quality):
    for step in range(3, 10):
        story = Story(quality)
        crash_every(story, step)
        told(story.heal_after, "crash every", step)


@pytest.mark.parametrize("quality", Quality)
def test_driver_that_slept_through_its_end_touches_nothing(quality):
    for point in range(1, points(quality) // 2, 1 if FULL else 3):
        for looks in (1, 4, 30):
            story = Story(quality)
            freeze_at(story, point, looks)
            told(story.tell, "frozen", point, looks)


def tell_outages(
    quality: Quality, shape: Shape, kind: str, step: int, longest: float = 60.0, finest: int = 2
) -> None:
    """Something is away for a moment, for a while and for long, beginning at each of these seconds."""
    for begin in range(0, 24, finest if FULL else step):
        for length in (2.0, 12.0, longest):
            story = Story(quality, shape)
            outage(story, kind, begin, length)
            told(story.heal_after, kind, begin, length)


@pytest.mark.parametrize("quality", Quality if FULL else TELLING)
@pytest.mark.parametrize("kind", ["registry", "reload", "answers", "web-1", "web-2"])
def test_outage_at_any_time_ends_well(quality, kind):
    tell_outages(quality, PLAIN, kind, 3)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_LATE])
@pytest.mark.parametrize("shape", ["move", "move behind an edge", "fewer"])
@pytest.mark.parametrize("kind", ["reload", "web-1", "web-3"])
def test_outage_during_a_move_ends_well(quality, shape, kind):
    tell_outages(quality, SHAPES[shape], kind, 4)


@pytest.mark.parametrize("quality", TELLING)
@pytest.mark.parametrize("shape", ["load balancer", "move behind a load balancer"])
@pytest.mark.parametrize("kind", ["entrance", "reload", "web-2"])
def test_outage_behind_a_load_balancer_ends_well(quality, shape, kind):
    tell_outages(quality, SHAPES[shape], kind, 4, longest=150.0)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_LATE])
@pytest.mark.parametrize("removed", [False, True], ids=["parked", "removed"])
def test_member_that_somebody_else_takes_out_ends_well(quality, removed):
    for begin in range(0, 24, 2 if FULL else 4):
        for length in (2.0, 12.0, 150.0):
            story = Story(quality, SHAPES["load balancer"])
            changed_by_somebody(story, "web-1", begin, length, removed)
            told(story.heal_after, "taken out", begin, length)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_LATE])
@pytest.mark.parametrize("kind", ["prometheus", "metric"])
def test_prometheus_at_any_time_ends_well(quality, kind):
    tell_outages(quality, SHAPES["prometheus"], kind, 3, finest=1)


@pytest.mark.parametrize("begin", range(2))
def test_release_that_nobody_could_measure_is_never_final(begin):
    """Prometheus is silent until it says that the limit is passed."""
    story = Story(Quality.GOOD, SHAPES["prometheus"])
    outage(story, "prometheus", begin, 14.0)
    outage(story, "metric", 14.0, 1e9)
    story.tell(story.old)


@pytest.mark.parametrize("quality", TELLING)
@pytest.mark.parametrize("shape", ["canary", "batch by batch", "prometheus"])
@pytest.mark.parametrize("kind", ["web-1", "web-2", "reload"])
def test_outage_while_it_waits_ends_well(quality, shape, kind):
    tell_outages(quality, SHAPES[shape], kind, 6)


@pytest.mark.parametrize("quality", TELLING)
@pytest.mark.parametrize("shape", ["load balancer", "stop-first", "singleton"])
def test_stop_first_ends_well_however_often_the_driver_is_killed(quality, shape):
    for step in (11, 13, 17, 23, 37):
        story = Story(quality, SHAPES[shape])
        crash_every(story, step)
        told(story.tell, "crash every", step)
    for point in range(1, points(quality, SHAPES[shape]) // 2, 1 if FULL else 3):
        for looks in (1, 30):
            story = Story(quality, SHAPES[shape])
            freeze_at(story, point, looks)
            told(story.tell, "frozen", point, looks)


@pytest.mark.parametrize("quality", [Quality.BAD_HEALTH, Quality.BAD_BAKE, Quality.BAD_LATE, Quality.FLAP])
def test_going_back_needs_no_registry(quality):
    for begin in range(1, 12):
        story = Story(quality)
        outage(story, "registry", begin, 1e9)
        told(story.tell, "registry gone", begin)


@pytest.mark.parametrize("quality", [Quality.BAD_HEALTH, Quality.BAD_BAKE, Quality.BAD_LATE])
def test_verdict_is_not_put_off_by_deaths(quality):
    """Clocks are absolute: a death costs at most its own time, never a deadline that starts anew."""
    calm = Story(quality).tell()
    for point in range(1, points(quality), 1 if FULL else 2):
        story = Story(quality)
        crash_at(story, point)
        deployment = story.tell()
        late = (deployment.failed_at - deployment.started_at) - (calm.failed_at - calm.started_at)
        assert late.total_seconds() <= 12.0, point


def sqlite_books(folder: Path) -> Callable[[VirtualClock], Books]:
    store = empty_store(folder)

    def expire() -> None:
        past = text("UPDATE leases SET until = '2000-01-01T00:00:00.000000+00:00'")
        store._database.write(lambda tx: tx.execute(past))

    return lambda _: Books(
        store.leases, store.releases, store.deployments, store.routes, store.fleet, expire, store.close
    )


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BAD_LATE])
def test_driver_may_be_killed_anywhere_over_the_real_store(quality, tmp_path):
    for point in range(1, points(quality) + 1, 1 if FULL else 7):
        folder = tmp_path / str(point)
        folder.mkdir()
        story = Story(quality, PLAIN, sqlite_books(folder))
        crash_at(story, point)
        told(story.tell, "crash", point)
        assert story.stage.books.deployments.deployment(story.number).status in Status
        story.stage.books.close()
