"""Tells stories until a promise is broken: the way in which seeded bugs are found. Run as a program over a changed heart.

`python -m tests.rollout.hunt SHAPE…` ends with 0 when it found something, and says what; with 1 when all went well.
Coarse first: each kind of fault at a few times, then at all times.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import islice

from pipeline.errors import ShipwayError
from runners.stand_ins.things import HARMLESS, SEEN_BY_PROXIES, Quality, Violation
from tests.rollout.shapes import SHAPES
from tests.rollout.story import Shape, Story, crash_at, freeze_at, outage, points, reboot_at

Telling = tuple[str, Callable[[], object]]
TELLING = (
    Quality.GOOD,
    Quality.BAD_LATE,
    Quality.BAD_BAKE,
    Quality.BAD_HEALTH,
    Quality.FLAP,
    Quality.BAD_SMOKE,
)


def stories(shape: Shape) -> Iterator[Telling]:
    for quality in _qualities(shape):
        yield _told(quality, shape, "no fault", lambda _: None)
        if quality not in HARMLESS:
            yield _told(quality, shape, "no registry", lambda s: outage(s, "registry", 1.0, 1e9))
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
        for what, tell in islice(stories(SHAPES[name]), most):
            try:
                tell()
            except (Violation, ShipwayError) as found:
                return f"{name}, {what}: {found}"
    return ""


if __name__ == "__main__":
    found = hunt(sys.argv[1:] or list(SHAPES))
    print(found or "nothing was found")  # noqa: T201 - a program
    sys.exit(0 if found else 1)
