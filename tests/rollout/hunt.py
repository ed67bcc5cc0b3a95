"""Tells stories until a promise is broken: the way in which seeded bugs are found. Run as a program over a changed heart.

`python -m tests.rollout.hunt SHAPE…` ends with 0 when it found something, and says what; with 1 when all went well.
Coarse first: each kind of fault at a few times, then at all times.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from pipeline.errors import ShipwayError
from pipeline.rollout.deployment import Status
from runners.stand_ins.things import HARMLESS, SEEN_BY_PROXIES, Quality, Violation
from tests.rollout.faults import crash_at, freeze_at, outage, points, reboot_at
from tests.rollout.shapes import SHAPES, Shape
from tests.rollout.story import Story
from tests.rollout.telling import tell

COMMANDS = {"before_deploy": ("./migrate",), "after_deploy": ("./warm",), "on_failure": ("./tell",)}
Telling = tuple[str, Callable[[], object]]
TELLING = (
    Quality.GOOD,
    Quality.BAD_LATE,
    Quality.BAD_BAKE,
    Quality.BAD_HEALTH,
    Quality.FLAP,
    Quality.BAD_SMOKE,
)


def stories(name: str) -> Iterator[Telling]:
    if name == "moves":
        yield from ((f"seed {n}", partial(tell, "moves", n, 25, shortest=False)) for n in range(1, 21))
    elif name == "commands":
        yield from _commands()
    else:
        yield from _of(SHAPES[name])


def _of(shape: Shape) -> Iterator[Telling]:
    for quality in _qualities(shape):
        yield _told(quality, shape, "no fault", lambda _: None)
        if quality not in HARMLESS:
            yield _told(quality, shape, "no registry", lambda s: outage(s, "registry", 1.0, 1e9))
    if shape.policy.metrics:
        yield from _measured(shape)
    for begin in (2, 5, 8) if shape.edge else ():
        yield _told(
            Quality.GOOD, shape, f"web-1 away at {begin}", lambda s, b=begin: outage(s, "web-1", b, 2.0)
        )
    for begin in (1, 4, 8) if shape.hosts > 1 else ():
        yield _told(Quality.GOOD, shape, f"reboot at {begin}", lambda s, b=begin: reboot_at(s, "web-1", b))
    for stride in (7, 3, 1):
        for quality in TELLING:
            yield from _faults(quality, shape, stride)


def _faults(quality: Quality, shape: Shape, stride: int) -> Iterator[Telling]:
    for point in range(1, points(quality, shape) + 1, stride):
        yield _told(quality, shape, f"killed at {point}", lambda s, p=point: crash_at(s, p))
        yield _told(quality, shape, f"frozen at {point}", lambda s, p=point: freeze_at(s, p, 30))
    for begin in range(0, 24, stride):
        for kind in _kinds(shape):
            for length in (2.0, 12.0, 60.0):
                what = f"{kind} away from {begin} for {length:g} s"
                yield _healed(quality, shape, what, lambda s, k=kind, b=begin, n=length: outage(s, k, b, n))


def _measured(shape: Shape) -> Iterator[Telling]:
    """A good release whose figures pass their limit, at once, later, or after a time in which nobody could read them."""
    for silent, begin in ((0.0, 1.0), (0.0, 7.0), (0.0, 9.0), (14.0, 14.0)):

        def tell(silent: float = silent, begin: float = begin) -> None:
            story = Story(Quality.GOOD, shape)
            outage(story, "prometheus", 0.0, silent)
            outage(story, "metric", begin, 1e9)
            story.tell(story.old)

        yield f"over the limit from {begin} on, silent for {silent} s", tell


def _commands() -> Iterator[Telling]:
    """Of the repository: which run, with the image of which release, and how it ends."""
    for quality, ends, ran, status in (
        (Quality.GOOD, 0, ["before_deploy 2", "after_deploy 2"], Status.SUCCEEDED),
        (Quality.BAD_LATE, 0, ["before_deploy 2", "on_failure 1"], Status.ROLLED_BACK),
        (Quality.GOOD, 1, ["before_deploy 2", "on_failure 1"], Status.FAILED),
    ):

        def tell(
            q: Quality = quality, ends: int = ends, ran: list[str] = ran, status: Status = status
        ) -> None:
            story = Story(q, SHAPES["two hosts"], hooks=COMMANDS)
            world = story.stage.world
            world.hook_ends = (ends, "")
            found = story.stage.run(story.number).status
            told = [f"{plan.hook} {plan.release}" for plan in world.hooks_run]
            if (found, told) != (status, ran):
                raise Violation(f"it ended {found} after {told}, not {status} after {ran}")

        yield f"{quality}, commands end with {ends}", tell


def _qualities(shape: Shape) -> list[Quality]:
    """Without a proxy nobody sees what users get."""
    return [q for q in Quality if shape.proxy or q not in SEEN_BY_PROXIES]


def _kinds(shape: Shape) -> tuple[str, ...]:
    hosts = ("web-1", "web-2")[: shape.hosts]
    return ("registry", "reload", *hosts, *(("entrance",) if shape.entrance else ()))


def _told(quality: Quality, shape: Shape, what: str, fault: Callable[[Story], None]) -> Telling:
    def tell() -> None:
        story = Story(quality, shape)
        fault(story)
        story.tell()

    return f"{quality}, {what}", tell


def _healed(quality: Quality, shape: Shape, what: str, fault: Callable[[Story], None]) -> Telling:
    def tell() -> None:
        story = Story(quality, shape)
        fault(story)
        story.heal_after()

    return f"{quality}, {what}", tell


def hunt(names: list[str], most: int | None = None) -> str:
    """The first broken promise, in words; empty when there is none in so many stories of each shape."""
    for name in names:
        for what, told in islice(stories(name), most):
            try:
                told()
            except (AssertionError, ShipwayError) as found:
                return f"{name}, {what}: {found}"
    return ""


if __name__ == "__main__":
    found = hunt(sys.argv[1:] or list(SHAPES))
    print(found or "nothing was found")  # noqa: T201 - a program
    sys.exit(0 if found else 1)
