"""Faults, each of which installs itself in a story before it is told."""

from collections.abc import Callable

from pipeline.errors import ShipwayError
from runners.stand_ins.things import Quality, Violation
from tests.rollout.mortal import Crash
from tests.rollout.shapes import PLAIN, Shape
from tests.rollout.stage import TAKEOVER
from tests.rollout.story import Story, each_moment


def points(quality: Quality, shape: Shape = PLAIN) -> int:
    """How often a driver may be killed on this road."""
    count = 0

    def hook(_: str) -> None:
        nonlocal count
        count += 1

    story = Story(quality, shape)
    story.hooked(hook)
    story.tell()
    return count


def crash_at(story: Story, point: int) -> None:
    count = 0

    def hook(where: str) -> None:
        nonlocal count
        count += 1
        if count == point:
            raise Crash(where)

    story.hooked(hook)


def crash_every(story: Story, step: int) -> None:
    count = 0

    def hook(where: str) -> None:
        nonlocal count
        count += 1
        if count % step == 0:
            raise Crash(where)

    story.hooked(hook)


def freeze_at(story: Story, point: int, looks: int) -> None:
    """The driver stops here while another one takes over for some looks; then it wakes up and goes on."""
    count, asleep = 0, False

    def hook(where: str) -> None:
        nonlocal count, asleep
        if asleep or where.startswith(("before", "extend site")):
            return
        count += 1
        if count == point:
            asleep = True
            _second_driver(story, looks)

    story.hooked(hook)


def _second_driver(story: Story, looks: int) -> None:
    stage = story.stage
    stage.clock.sleep(TAKEOVER)
    stage.books.expire()
    seen = iter(range(looks))
    try:
        stage.driver(story.number, lambda: next(seen, None) is None)
    except ShipwayError as error:
        raise Violation(f"the second driver could not go on: {error}") from error


def outage(story: Story, kind: str, begin: float, length: float) -> None:
    """Something does not answer for a while."""
    clock = story.stage.clock
    start = clock.now().timestamp()

    def work() -> None:
        since = clock.now().timestamp() - start
        _set(story, kind, story.troubled and begin <= since < begin + length)

    each_moment(story, work)


def once_at(story: Story, begin: float, work: Callable[[], None]) -> None:
    """It happens once, after so many seconds."""
    clock, left = story.stage.clock, [work]
    start = clock.now().timestamp()

    def look() -> None:
        if left and clock.now().timestamp() - start >= begin:
            left.pop()()

    each_moment(story, look)


def reboot_at(story: Story, host: str, begin: float) -> None:
    once_at(story, begin, lambda: story.stage.world.reboot(host))


def changed_by_somebody(story: Story, host: str, begin: float, length: float, removed: bool = False) -> None:
    """Somebody else parks a member of the load balancer, or removes it, and lets it in again after a while."""
    entrance = story.stage.world.entrance
    assert entrance is not None
    away = (lambda: entrance.places.pop(host, None)) if removed else (lambda: entrance.turn(host, False))

    def back() -> None:
        entrance.turn(host, True)

    once_at(story, begin, lambda: story.troubled and bool(away()))
    once_at(story, begin + length, back)
    story.undo.append(back)


def _set(story: Story, kind: str, down: bool) -> None:
    world = story.stage.world
    if kind == "registry":
        world.registry_up = not down
    elif kind == "reload":
        for site in story.stage.sites:
            world.front(site).stuck = down
    elif kind == "entrance":
        assert world.entrance is not None
        world.entrance.down = down
    elif kind == "prometheus":
        world.metric_error = "no answer" * down
    elif kind == "metric":
        world.metric = 0.2 if down else 0.0
    elif kind == "answers":
        world.lose_answers = int(down)
    else:
        world.up[kind] = not down
